-- The latest version of each entry of the rosters of active supervised projects.
with versions as (
    select * from core.project_roster
),

later_versions as (
    select
        source_id,
        quarter,
        project_no,
        max(version) as version
    from versions
    where version > 1
    group by source_id, quarter, project_no
),

latest_versions as (
    select versions.*
    from versions
    left join later_versions
        on
            versions.source_id = later_versions.source_id
            and versions.quarter = later_versions.quarter
            and versions.project_no = later_versions.project_no
    where later_versions.version is null or later_versions.version = versions.version
)

select * from latest_versions
