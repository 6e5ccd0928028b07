-- One row per city, day and edition: the air quality index, what decides it, and whether the day is
-- good.
--
-- The index is the highest individual index of the daily report. A day that lacks one of the six
-- pollutants counts only where its index is above what the edition says (it cannot be good, but a
-- bad day stays bad).
with indices as (
    select * from fact.air_city_index
),

editions as (
    select * from ref.air_edition
),

parameters as (
    select * from ref.air_parameter
),

exceptions as (
    select * from latest.air_exception_day
),

exception_days as (
    select
        division_code,
        exception_on,
        min(exception_kind) as exception_kind
    from exceptions
    group by division_code, exception_on
),

pollutant_days as (
    select
        source_id,
        division_code,
        measured_on,
        edition,
        parameter,
        max(iaqi) filter (where in_daily_report) as iaqi,
        max(iaqi) filter (where in_daily_report and averaging <> '1h') as long_iaqi,
        max(concentration) filter (where averaging = '8h') as window_concentration
    from indices
    group by source_id, division_code, measured_on, edition, parameter
),

judged_pollutants as (
    select
        source_id,
        division_code,
        measured_on,
        edition,
        parameter,
        iaqi,
        iaqi is null or (long_iaqi is null and window_concentration is null) as is_missing
    from pollutant_days
),

day_heads as (
    select
        source_id,
        division_code,
        measured_on,
        edition,
        max(case when is_in_force then 1 else 0 end) = 1 as is_in_force,
        max(domain) as domain,
        max(programme) as programme,
        max(sampling_basis) as sampling_basis,
        case when min(coverage) = max(coverage) then max(coverage) else 'selection' end as coverage,
        max(stations) as stations,
        max(received_on) as received_on,
        max({ 'delivery_id': delivery_id, 'source_row': source_row }) as last_row
    from indices
    group by source_id, division_code, measured_on, edition
),

day_parameters as (
    select
        day_heads.source_id,
        day_heads.division_code,
        day_heads.measured_on,
        day_heads.edition,
        parameters.code as parameter
    from day_heads
    cross join parameters
),

highest as (
    select
        day_parameters.source_id,
        day_parameters.division_code,
        day_parameters.measured_on,
        day_parameters.edition,
        max(judged_pollutants.iaqi) as highest_iaqi,
        array_to_string(
            list_sort(
                list(day_parameters.parameter) filter (
                    where
                    coalesce(judged_pollutants.is_missing, true)
                    and day_parameters.parameter is not null
                )
            ), '+'
        ) as missing_parameters
    from day_parameters
    left join judged_pollutants
        on
            day_parameters.source_id = judged_pollutants.source_id
            and day_parameters.division_code = judged_pollutants.division_code
            and day_parameters.measured_on = judged_pollutants.measured_on
            and day_parameters.edition = judged_pollutants.edition
            and day_parameters.parameter = judged_pollutants.parameter
    group by 1, 2, 3, 4
),

primary_pollutants as (
    select
        judged_pollutants.source_id,
        judged_pollutants.division_code,
        judged_pollutants.measured_on,
        judged_pollutants.edition,
        array_to_string(
            list_sort(
                list(judged_pollutants.parameter) filter (
                    where judged_pollutants.parameter is not null
                )
            ), '+'
        ) as primary_pollutants
    from judged_pollutants
    inner join highest
        on
            judged_pollutants.source_id = highest.source_id
            and judged_pollutants.division_code = highest.division_code
            and judged_pollutants.measured_on = highest.measured_on
            and judged_pollutants.edition = highest.edition
            and judged_pollutants.iaqi = highest.highest_iaqi
    where judged_pollutants.iaqi > 50
    group by 1, 2, 3, 4
),

valued_days as (
    select
        day_heads.*,
        nullif(highest.missing_parameters, '') as missing_parameters,
        primary_pollutants.primary_pollutants,
        case
            when
                coalesce(highest.missing_parameters, '') = ''
                or highest.highest_iaqi > editions.incomplete_above
                then highest.highest_iaqi
        end as aqi,
        exception_days.exception_kind
    from day_heads
    inner join editions
        on day_heads.edition = editions.edition
    inner join highest
        on
            day_heads.source_id = highest.source_id
            and day_heads.division_code = highest.division_code
            and day_heads.measured_on = highest.measured_on
            and day_heads.edition = highest.edition
    left join primary_pollutants
        on
            day_heads.source_id = primary_pollutants.source_id
            and day_heads.division_code = primary_pollutants.division_code
            and day_heads.measured_on = primary_pollutants.measured_on
            and day_heads.edition = primary_pollutants.edition
    left join exception_days
        on
            day_heads.division_code = exception_days.division_code
            and day_heads.measured_on = exception_days.exception_on
),

city_days as (
    select
        source_id,
        division_code,
        measured_on,
        edition,
        is_in_force,
        domain,
        programme,
        sampling_basis,
        coverage,
        stations,
        aqi,
        case
            when aqi <= 50 then 1
            when aqi <= 100 then 2
            when aqi <= 150 then 3
            when aqi <= 200 then 4
            when aqi <= 300 then 5
            when aqi > 300 then 6
        end as aqi_level,
        case when aqi is not null then primary_pollutants end as primary_pollutants,
        missing_parameters,
        exception_kind,
        case when aqi <= 100 then 'pass' when aqi > 100 then 'fail' end as final_verdict,
        received_on,
        last_row['delivery_id'] as delivery_id,
        last_row['source_row'] as source_row
    from valued_days
)

select * from city_days
