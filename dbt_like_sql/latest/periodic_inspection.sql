-- The latest version of each inspection that equipment is due for.
with versions as (
    select * from core.periodic_inspection
),

later_versions as (
    select
        source_id,
        equipment_no,
        due_on,
        max(version) as version
    from versions
    where version > 1
    group by source_id, equipment_no, due_on
),

latest_versions as (
    select versions.*
    from versions
    left join later_versions
        on
            versions.source_id = later_versions.source_id
            and versions.equipment_no = later_versions.equipment_no
            and versions.due_on = later_versions.due_on
    where later_versions.version is null or later_versions.version = versions.version
)

select * from latest_versions
