-- The latest version of each entry of the ledger.
with versions as (
    select * from core.ledger_entry
),

later_versions as (
    select
        source_id,
        entry_no,
        max(version) as version
    from versions
    where version > 1
    group by source_id, entry_no
),

latest_versions as (
    select versions.*
    from versions
    left join later_versions
        on
            versions.source_id = later_versions.source_id
            and versions.entry_no = later_versions.entry_no
    where later_versions.version is null or later_versions.version = versions.version
)

select * from latest_versions
