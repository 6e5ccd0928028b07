-- The latest version of each entry of the ledger.
with versions as (
    select * from core.ledger_entry
),

highest_versions as (
    select
        source_id,
        entry_no,
        max(version) as version
    from versions
    group by source_id, entry_no
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.entry_no = highest_versions.entry_no
            and versions.version = highest_versions.version
)

select * from latest_versions
