-- The latest version of each measurement of water.
with versions as (
    select * from core.water_measurement
),

later_versions as (
    select
        source_id,
        site_no,
        measured_on,
        time_of_day,
        item_code,
        max(version) as version
    from versions
    where version > 1
    group by source_id, site_no, measured_on, time_of_day, item_code
),

latest_versions as (
    select versions.*
    from versions
    left join later_versions
        on
            versions.source_id = later_versions.source_id
            and versions.site_no = later_versions.site_no
            and versions.measured_on = later_versions.measured_on
            and versions.time_of_day = later_versions.time_of_day
            and versions.item_code = later_versions.item_code
    where later_versions.version is null or later_versions.version = versions.version
)

select * from latest_versions
