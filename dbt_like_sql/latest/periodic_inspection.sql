-- The latest version of each inspection that equipment is due for.
with versions as (
    select * from core.periodic_inspection
),

highest_versions as (
    select
        source_id,
        equipment_no,
        due_on,
        max(version) as version
    from versions
    group by source_id, equipment_no, due_on
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.equipment_no = highest_versions.equipment_no
            and versions.due_on = highest_versions.due_on
            and versions.version = highest_versions.version
)

select * from latest_versions
