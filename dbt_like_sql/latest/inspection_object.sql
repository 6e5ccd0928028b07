-- The latest version of each entry of the roster of objects for random draws.
with versions as (
    select * from core.inspection_object
),

highest_versions as (
    select
        source_id,
        unit_id,
        valid_from,
        max(version) as version
    from versions
    group by source_id, unit_id, valid_from
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.unit_id = highest_versions.unit_id
            and versions.valid_from = highest_versions.valid_from
            and versions.version = highest_versions.version
)

select * from latest_versions
