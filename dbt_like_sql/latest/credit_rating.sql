-- The latest version of each rating of a firm.
with versions as (
    select * from core.credit_rating
),

highest_versions as (
    select
        source_id,
        entity_uscc,
        valid_from,
        max(version) as version
    from versions
    group by source_id, entity_uscc, valid_from
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.entity_uscc = highest_versions.entity_uscc
            and versions.valid_from = highest_versions.valid_from
            and versions.version = highest_versions.version
)

select * from latest_versions
