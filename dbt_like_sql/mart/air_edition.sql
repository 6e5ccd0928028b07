-- Good days of a city by each edition of HJ 633, by month, quarter and year.
--
-- A year by the edition that was not yet in force says what the change of edition alone does: years
-- before and after it are compared by one edition.
with city_days as (
    select * from fact.air_city_day
),

build as (
    select * from meta.build
),

dated_days as (
    select
        source_id,
        division_code,
        edition,
        is_in_force,
        final_verdict,
        cast(extract(year from measured_on) as varchar) as year,
        cast(extract(year from measured_on) as varchar)
        || 'Q' || cast(extract(quarter from measured_on) as varchar) as quarter,
        cast(extract(year from measured_on) as varchar)
        || '-' || lpad(cast(extract(month from measured_on) as varchar), 2, '0') as month
    from city_days
),

counts as (
    select
        source_id,
        division_code,
        edition,
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
        count(*) as days,
        count(*) filter (where is_in_force) as days_in_force,
        count(*) filter (where final_verdict = 'pass') as numerator,
        count(*) filter (where final_verdict is not null) as denominator
    from dated_days
    group by
        source_id,
        division_code,
        edition,
        grouping sets ((year), (year, quarter), (year, quarter, month))
),

air_editions as (
    select
        counts.source_id,
        counts.division_code,
        counts.edition,
        counts.period_type,
        counts.period,
        counts.days,
        counts.days_in_force,
        counts.numerator,
        counts.denominator,
        cast(counts.numerator as double) / nullif(cast(counts.denominator as double), 0) as rate,
        build.as_of
    from counts
    cross join build
)

select * from air_editions
