-- The latest version of each scored item of a concrete plant.
with versions as (
    select * from core.plant_assessment
),

later_versions as (
    select
        source_id,
        plant_no,
        quarter,
        item_code,
        max(version) as version
    from versions
    where version > 1
    group by source_id, plant_no, quarter, item_code
),

latest_versions as (
    select versions.*
    from versions
    left join later_versions
        on
            versions.source_id = later_versions.source_id
            and versions.plant_no = later_versions.plant_no
            and versions.quarter = later_versions.quarter
            and versions.item_code = later_versions.item_code
    where later_versions.version is null or later_versions.version = versions.version
)

select * from latest_versions
