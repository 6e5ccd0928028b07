-- The latest version of each hour at each station.
with versions as (
    select * from core.air_hour
),

later_versions as (
    select
        source_id,
        station_no,
        measured_on,
        hour,
        max(version) as version
    from versions
    where version > 1
    group by source_id, station_no, measured_on, hour
),

latest_versions as (
    select versions.*
    from versions
    left join later_versions
        on
            versions.source_id = later_versions.source_id
            and versions.station_no = later_versions.station_no
            and versions.measured_on = later_versions.measured_on
            and versions.hour = later_versions.hour
    where later_versions.version is null or later_versions.version = versions.version
)

select * from latest_versions
