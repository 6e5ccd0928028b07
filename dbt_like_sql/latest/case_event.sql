-- The latest version of each event of a case.
with versions as (
    select * from core.case_event
),

highest_versions as (
    select
        source_id,
        event_no,
        max(version) as version
    from versions
    group by source_id, event_no
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.event_no = highest_versions.event_no
            and versions.version = highest_versions.version
)

select * from latest_versions
