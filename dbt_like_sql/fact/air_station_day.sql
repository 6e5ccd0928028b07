-- One row per station, day and kind of daily value: the mean of the day, the highest hour, and for
-- ozone the highest 8-hour mean, each with whether the day has hours enough for it.
--
-- How many hours are enough is written in ref.air_edition. An 8-hour mean is that of the hours that
-- were measured among eight; windows end with each hour from the edition's first one on. Means are
-- rounded to nine decimals, so that they are the same in whatever order the hours come.
with hours as (
    select * from latest.air_hour
),

editions as (
    select * from ref.air_edition
),

breakpoints as (
    select * from ref.air_breakpoint
),

day_hours as (
    select unnest([
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23
    ]) as hour
),

windows as (
    select
        first_hours.hour,
        last_hours.hour as window_end
    from day_hours as first_hours
    inner join day_hours as last_hours
        on
            first_hours.hour <= last_hours.hour
            and last_hours.hour < first_hours.hour + 8
),

station_days as (
    select
        source_id,
        station_no,
        measured_on,
        max(division_code) as division_code,
        max(domain) as domain,
        max(programme) as programme,
        max(sampling_basis) as sampling_basis,
        case when min(coverage) = max(coverage) then max(coverage) else 'selection' end as coverage,
        count(*) filter (where pm25 >= 0) as pm25_hours,
        count(*) filter (where pm10 >= 0) as pm10_hours,
        count(*) filter (where so2 >= 0) as so2_hours,
        count(*) filter (where no2 >= 0) as no2_hours,
        count(*) filter (where co >= 0) as co_hours,
        count(*) filter (where o3 >= 0) as o3_hours,
        round(avg(pm25) filter (where pm25 >= 0), 9) as pm25_mean,
        round(avg(pm10) filter (where pm10 >= 0), 9) as pm10_mean,
        round(avg(so2) filter (where so2 >= 0), 9) as so2_mean,
        round(avg(no2) filter (where no2 >= 0), 9) as no2_mean,
        round(avg(co) filter (where co >= 0), 9) as co_mean,
        max(so2) filter (where so2 >= 0) as so2_highest,
        max(no2) filter (where no2 >= 0) as no2_highest,
        max(co) filter (where co >= 0) as co_highest,
        max(o3) filter (where o3 >= 0) as o3_highest,
        max(received_on) as received_on,
        max({ 'delivery_id': delivery_id, 'source_row': source_row }) as last_row
    from hours
    group by source_id, station_no, measured_on
),

dated_days as (
    select
        station_days.*,
        editions.edition,
        editions.hours_per_day,
        editions.values_per_window,
        editions.windows_per_day,
        editions.first_window_end,
        breakpoints.concentration_high as ozone_limit
    from station_days
    inner join editions
        on
            station_days.measured_on >= editions.valid_from
            and (station_days.measured_on < editions.valid_to or editions.valid_to is null)
    inner join breakpoints
        on
            editions.edition = breakpoints.edition
            and breakpoints.parameter = 'o3'
            and breakpoints.averaging = '8h'
            and breakpoints.iaqi_high = 100
),

window_means as (
    select
        hours.source_id,
        hours.station_no,
        hours.measured_on,
        windows.window_end,
        round(avg(hours.o3), 9) as mean,
        count(*) as hours
    from hours
    inner join windows
        on hours.hour = windows.hour
    where hours.o3 >= 0
    group by 1, 2, 3, 4
),

ozone_days as (
    select
        dated_days.source_id,
        dated_days.station_no,
        dated_days.measured_on,
        max(window_means.mean) as highest,
        count(*) as windows
    from dated_days
    inner join window_means
        on
            dated_days.source_id = window_means.source_id
            and dated_days.station_no = window_means.station_no
            and dated_days.measured_on = window_means.measured_on
            and dated_days.values_per_window <= window_means.hours
            and dated_days.first_window_end <= window_means.window_end
    group by 1, 2, 3
),

complete_days as (
    select
        dated_days.*,
        ozone_days.highest as o3_window_highest,
        coalesce(ozone_days.windows, 0) as o3_windows
    from dated_days
    left join ozone_days
        on
            dated_days.source_id = ozone_days.source_id
            and dated_days.station_no = ozone_days.station_no
            and dated_days.measured_on = ozone_days.measured_on
),

kinds as (
    select distinct
        edition,
        parameter,
        averaging,
        parameter || ' ' || averaging as kind
    from breakpoints
),

values_by_kind as (
    select
        complete_days.*,
        kinds.parameter,
        kinds.averaging,
        case kinds.kind
            when 'pm25 24h' then complete_days.pm25_mean
            when 'pm10 24h' then complete_days.pm10_mean
            when 'so2 24h' then complete_days.so2_mean
            when 'so2 1h' then complete_days.so2_highest
            when 'no2 24h' then complete_days.no2_mean
            when 'no2 1h' then complete_days.no2_highest
            when 'co 24h' then complete_days.co_mean
            when 'co 1h' then complete_days.co_highest
            when 'o3 8h' then complete_days.o3_window_highest
            when 'o3 1h' then complete_days.o3_highest
        end as value,
        case kinds.parameter
            when 'pm25' then complete_days.pm25_hours
            when 'pm10' then complete_days.pm10_hours
            when 'so2' then complete_days.so2_hours
            when 'no2' then complete_days.no2_hours
            when 'co' then complete_days.co_hours
            when 'o3' then complete_days.o3_hours
        end as hours
    from complete_days
    inner join kinds
        on complete_days.edition = kinds.edition
),

station_values as (
    select
        source_id,
        station_no,
        measured_on,
        parameter,
        averaging,
        edition,
        division_code,
        domain,
        programme,
        sampling_basis,
        coverage,
        value,
        hours,
        case when averaging = '8h' then o3_windows end as windows,
        value is not null
        and case
            when averaging = '8h' then o3_windows >= windows_per_day or value > ozone_limit
            else hours >= hours_per_day
        end as is_valid,
        received_on,
        last_row['delivery_id'] as delivery_id,
        last_row['source_row'] as source_row
    from values_by_kind
)

select * from station_values
