-- The latest version of each visit.
with versions as (
    select * from core.site_inspection
),

highest_versions as (
    select
        source_id,
        inspection_no,
        max(version) as version
    from versions
    group by source_id, inspection_no
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.inspection_no = highest_versions.inspection_no
            and versions.version = highest_versions.version
)

select * from latest_versions
