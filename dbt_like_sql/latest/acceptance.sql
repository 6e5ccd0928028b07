-- The latest version of each acceptance attempt.
with versions as (
    select * from core.acceptance
),

highest_versions as (
    select
        source_id,
        project_no,
        attempt,
        max(version) as version
    from versions
    group by source_id, project_no, attempt
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.project_no = highest_versions.project_no
            and versions.attempt = highest_versions.attempt
            and versions.version = highest_versions.version
)

select * from latest_versions
