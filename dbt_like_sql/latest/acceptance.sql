-- The latest version of each acceptance attempt.
with versions as (
    select * from core.acceptance
),

later_versions as (
    select
        source_id,
        project_no,
        attempt,
        max(version) as version
    from versions
    where version > 1
    group by source_id, project_no, attempt
),

latest_versions as (
    select versions.*
    from versions
    left join later_versions
        on
            versions.source_id = later_versions.source_id
            and versions.project_no = later_versions.project_no
            and versions.attempt = later_versions.attempt
    where later_versions.version is null or later_versions.version = versions.version
)

select * from latest_versions
