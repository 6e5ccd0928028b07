-- Counts of each indicator variant by week, for control charts: a year of months is too few points.
-- What is itself the assessment of a month or longer has no week; counts and scores are no rates.
with units as (
    select * from fact.indicator_unit
    where is_counted and assessed_period is null
),

rates as (
    select indicator_id from ref.indicator
    where kind in ('rate', 'coverage')
),

build as (
    select * from meta.build
),

weeks as (
    select
        units.indicator_id,
        units.variant_id,
        units.estimates,
        cast(date_trunc('week', units.counted_on) as date) as week_start,
        sum(units.numerator) as numerator,
        sum(units.denominator) as denominator
    from units
    inner join rates
        on units.indicator_id = rates.indicator_id
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
