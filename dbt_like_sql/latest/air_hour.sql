-- The latest version of each hour at each station.
with versions as (
    select * from core.air_hour
),

highest_versions as (
    select
        source_id,
        station_no,
        measured_on,
        hour,
        max(version) as version
    from versions
    group by source_id, station_no, measured_on, hour
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.station_no = highest_versions.station_no
            and versions.measured_on = highest_versions.measured_on
            and versions.hour = highest_versions.hour
            and versions.version = highest_versions.version
)

select * from latest_versions
