-- The latest version of each recognised exception day.
with versions as (
    select * from core.air_exception_day
),

later_versions as (
    select
        source_id,
        division_code,
        exception_on,
        max(version) as version
    from versions
    where version > 1
    group by source_id, division_code, exception_on
),

latest_versions as (
    select versions.*
    from versions
    left join later_versions
        on
            versions.source_id = later_versions.source_id
            and versions.division_code = later_versions.division_code
            and versions.exception_on = later_versions.exception_on
    where later_versions.version is null or later_versions.version = versions.version
)

select * from latest_versions
