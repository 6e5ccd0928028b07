-- The latest version of each recognised exception day.
with versions as (
    select * from core.air_exception_day
),

highest_versions as (
    select
        source_id,
        division_code,
        exception_on,
        max(version) as version
    from versions
    group by source_id, division_code, exception_on
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.division_code = highest_versions.division_code
            and versions.exception_on = highest_versions.exception_on
            and versions.version = highest_versions.version
)

select * from latest_versions
