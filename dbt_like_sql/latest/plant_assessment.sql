-- The latest version of each scored item of a concrete plant.
with versions as (
    select * from core.plant_assessment
),

highest_versions as (
    select
        source_id,
        plant_no,
        quarter,
        item_code,
        max(version) as version
    from versions
    group by source_id, plant_no, quarter, item_code
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.plant_no = highest_versions.plant_no
            and versions.quarter = highest_versions.quarter
            and versions.item_code = highest_versions.item_code
            and versions.version = highest_versions.version
)

select * from latest_versions
