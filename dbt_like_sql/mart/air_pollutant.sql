-- Days of a city by primary pollutant, by month, quarter and year: those that are not good, and of
-- these the ones with an exception event. A day with two primary pollutants is a day of each.
with city_days as (
    select * from fact.air_city_day
    where is_in_force and aqi is not null
),

parameters as (
    select * from ref.air_parameter
),

build as (
    select * from meta.build
),

pollutant_days as (
    select
        city_days.source_id,
        city_days.division_code,
        parameters.code as parameter,
        cast(extract(year from city_days.measured_on) as varchar) as year,
        cast(extract(quarter from city_days.measured_on) as varchar) as quarter_number,
        lpad(cast(extract(month from city_days.measured_on) as varchar), 2, '0') as month_number,
        city_days.final_verdict,
        city_days.exception_kind,
        city_days.primary_pollutants = parameters.code as is_alone,
        coalesce(
            '+' || city_days.primary_pollutants || '+' like '%+' || parameters.code || '+%', false
        ) as is_primary
    from city_days
    cross join parameters
),

named_periods as (
    select
        *,
        year || 'Q' || quarter_number as quarter,
        year || '-' || month_number as month
    from pollutant_days
),

counts as (
    select
        source_id,
        division_code,
        case
            when grouping(month) = 0 then 'month'
            when grouping(quarter) = 0 then 'quarter'
            else 'year'
        end as period_type,
        case
            when grouping(month) = 0 then month
            when grouping(quarter) = 0 then quarter
            else year
        end as period,
        parameter,
        count(*) as valid_days,
        count(*) filter (where is_primary) as primary_days,
        count(*) filter (where is_primary and final_verdict = 'fail') as non_good_days,
        count(*) filter (where is_alone and final_verdict = 'fail') as non_good_days_alone,
        count(*) filter (
            where is_primary and final_verdict = 'fail' and exception_kind is not null
        ) as non_good_exception_days
    from named_periods
    group by
        source_id,
        division_code,
        parameter,
        grouping sets ((year), (year, quarter), (year, quarter, month))
),

air_pollutants as (
    select
        counts.*,
        build.as_of
    from counts
    cross join build
)

select * from air_pollutants
