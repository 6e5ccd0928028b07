-- The latest version of each event of a case.
with versions as (
    select * from core.case_event
),

later_versions as (
    select
        source_id,
        event_no,
        max(version) as version
    from versions
    where version > 1
    group by source_id, event_no
),

latest_versions as (
    select versions.*
    from versions
    left join later_versions
        on
            versions.source_id = later_versions.source_id
            and versions.event_no = later_versions.event_no
    where later_versions.version is null or later_versions.version = versions.version
)

select * from latest_versions
