-- The latest version of each measurement of water.
with versions as (
    select * from core.water_measurement
),

highest_versions as (
    select
        source_id,
        site_no,
        measured_on,
        time_of_day,
        item_code,
        max(version) as version
    from versions
    group by source_id, site_no, measured_on, time_of_day, item_code
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.site_no = highest_versions.site_no
            and versions.measured_on = highest_versions.measured_on
            and versions.time_of_day = highest_versions.time_of_day
            and versions.item_code = highest_versions.item_code
            and versions.version = highest_versions.version
)

select * from latest_versions
