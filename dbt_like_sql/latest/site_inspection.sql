-- The latest version of each visit.
with versions as (
    select * from core.site_inspection
),

later_versions as (
    select
        source_id,
        inspection_no,
        max(version) as version
    from versions
    where version > 1
    group by source_id, inspection_no
),

latest_versions as (
    select versions.*
    from versions
    left join later_versions
        on
            versions.source_id = later_versions.source_id
            and versions.inspection_no = later_versions.inspection_no
    where later_versions.version is null or later_versions.version = versions.version
)

select * from latest_versions
