-- The latest version of each entry of the roster of firms.
with versions as (
    select * from core.firm
),

later_versions as (
    select
        source_id,
        entity_uscc,
        valid_from,
        max(version) as version
    from versions
    where version > 1
    group by source_id, entity_uscc, valid_from
),

latest_versions as (
    select versions.*
    from versions
    left join later_versions
        on
            versions.source_id = later_versions.source_id
            and versions.entity_uscc = later_versions.entity_uscc
            and versions.valid_from = later_versions.valid_from
    where later_versions.version is null or later_versions.version = versions.version
)

select * from latest_versions
