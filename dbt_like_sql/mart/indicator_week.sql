-- Counts of each indicator variant by week, for control charts: a year of months is too few points.
-- What is itself the assessment of a month or longer has no week.
with units as (
    select * from fact.indicator_unit
    where is_counted and assessed_period is null
),

build as (
    select * from meta.build
),

weeks as (
    select
        indicator_id,
        variant_id,
        estimates,
        cast(date_trunc('week', counted_on) as date) as week_start,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from units
    group by 1, 2, 3, 4
),

indicator_weeks as (
    select
        weeks.*,
        build.as_of
    from weeks
    cross join build
)

select * from indicator_weeks
