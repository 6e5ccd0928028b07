-- Counts of each indicator variant by week, for control charts: a year of months is too few
-- points. What is itself the assessment of a month or longer has no week; counts and scores are no
-- rates. Of samples, also how much was wrong with them.
with days as (
    select * from counts.indicator_day
    where is_counted and assessed_period = 'NONE'
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
        days.indicator_id,
        days.variant_id,
        days.estimates,
        cast(date_trunc('week', days.counted_on) as date) as week_start,
        sum(days.numerator) as numerator,
        sum(days.denominator) as denominator,
        case
            when min(days.unit_kind) = 'sample' then sum(days.nonconformities)
        end as nonconformities
    from days
    inner join rates
        on days.indicator_id = rates.indicator_id
    group by 1, 2, 3, 4
),

indicator_weeks as (
    select
        weeks.indicator_id,
        weeks.variant_id,
        weeks.estimates,
        weeks.week_start,
        weeks.numerator,
        weeks.denominator,
        weeks.nonconformities,
        build.as_of
    from weeks
    cross join build
)

select * from indicator_weeks
