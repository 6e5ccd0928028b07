-- One row per city, day, kind of daily value and edition: stations averaged first, then the index.
--
-- The index is interpolated between the breakpoints of the edition, and rounded up (HJ 633-2012
-- 6.2; HJ 633-2026 4.2.6): of the one in force on the day, and of the others, so that years on both
-- sides of a change can be compared. Rounding to six decimals before takes away what floating point
-- adds, so that 75 µg/m³ is 100 and not 101.
with station_days as (
    select * from fact.air_station_day
),

editions as (
    select * from ref.air_edition
),

breakpoints as (
    select * from ref.air_breakpoint
),

city_values as (
    select
        source_id,
        division_code,
        measured_on,
        parameter,
        averaging,
        max(edition) as edition_in_force,
        max(domain) as domain,
        max(programme) as programme,
        max(sampling_basis) as sampling_basis,
        case when min(coverage) = max(coverage) then max(coverage) else 'selection' end as coverage,
        count(*) as stations,
        count(*) filter (where is_valid) as valid_stations,
        round(avg(value) filter (where is_valid), 9) as value,
        max(received_on) as received_on,
        max({ 'delivery_id': delivery_id, 'source_row': source_row }) as last_row
    from station_days
    group by source_id, division_code, measured_on, parameter, averaging
),

scaled_values as (
    select
        city_values.*,
        editions.edition,
        city_values.edition_in_force = editions.edition as is_in_force,
        editions.rounds_concentrations,
        case when city_values.parameter = 'co' then 10 else 1 end as scale,
        round(
            city_values.value * case when city_values.parameter = 'co' then 10 else 1 end, 6
        ) as scaled
    from city_values
    cross join editions
),

rounded_values as (
    select
        *,
        case
            when not rounds_concentrations then value
            when
                scaled - floor(scaled) > 0.5
                or (scaled - floor(scaled) = 0.5 and floor(scaled) % 2 = 1)
                then (floor(scaled) + 1) / nullif(scale, 0)
            else floor(scaled) / nullif(scale, 0)
        end as concentration
    from scaled_values
),

stretches as (
    select
        rounded_values.*,
        breakpoints.in_daily_report,
        breakpoints.iaqi_low,
        breakpoints.iaqi_high,
        cast(breakpoints.concentration_low as double) as concentration_low,
        cast(breakpoints.concentration_high as double) as concentration_high
    from rounded_values
    left join breakpoints
        on
            rounded_values.edition = breakpoints.edition
            and rounded_values.parameter = breakpoints.parameter
            and rounded_values.averaging = breakpoints.averaging
            and (
                rounded_values.concentration > breakpoints.concentration_low
                or breakpoints.concentration_low = 0
            )
            and (
                rounded_values.concentration <= breakpoints.concentration_high
                or breakpoints.concentration_high is null
            )
),

city_indices as (
    select
        source_id,
        division_code,
        measured_on,
        parameter,
        averaging,
        edition,
        is_in_force,
        domain,
        programme,
        sampling_basis,
        coverage,
        stations,
        valid_stations,
        value,
        concentration,
        cast(
            ceil(
                round(
                    iaqi_low
                    + coalesce(
                        (iaqi_high - iaqi_low) * (concentration - concentration_low)
                        / nullif(concentration_high - concentration_low, 0),
                        0
                    ),
                    6
                )
            ) as bigint
        ) as iaqi,
        coalesce(in_daily_report, false) as in_daily_report,
        received_on,
        last_row['delivery_id'] as delivery_id,
        last_row['source_row'] as source_row
    from stretches
)

select * from city_indices
