-- The latest version of each entry of the rosters of active supervised projects.
with versions as (
    select * from core.project_roster
),

highest_versions as (
    select
        source_id,
        quarter,
        project_no,
        max(version) as version
    from versions
    group by source_id, quarter, project_no
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.quarter = highest_versions.quarter
            and versions.project_no = highest_versions.project_no
            and versions.version = highest_versions.version
)

select * from latest_versions
