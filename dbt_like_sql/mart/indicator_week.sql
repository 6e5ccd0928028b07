-- Counts of each indicator variant by week, for control charts: a year of months is too few
-- points. What is itself the assessment of a month or longer has no week; counts and scores are no
-- rates. Of samples, also how much was wrong with them: a failing sample without results has one
-- nonconformity.
with units as (
    select * from fact.indicator_unit
    where is_counted and assessed_period is null
),

rates as (
    select indicator_id from ref.indicator
    where kind in ('rate', 'coverage')
),

failures as (
    select
        indicator_id,
        variant_id,
        counted_on
    from mart.indicator_failure
    where unit_kind = 'sample'
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
        min(units.unit_kind) = 'sample' as is_of_samples,
        sum(units.numerator) as numerator,
        sum(units.denominator) as denominator
    from units
    inner join rates
        on units.indicator_id = rates.indicator_id
    group by 1, 2, 3, 4
),

nonconformities as (
    select
        indicator_id,
        variant_id,
        cast(date_trunc('week', counted_on) as date) as week_start,
        count(*) as nonconformities
    from failures
    group by 1, 2, 3
),

indicator_weeks as (
    select
        weeks.indicator_id,
        weeks.variant_id,
        weeks.estimates,
        weeks.week_start,
        weeks.numerator,
        weeks.denominator,
        case
            when weeks.is_of_samples then coalesce(nonconformities.nonconformities, 0)
        end as nonconformities,
        build.as_of
    from weeks
    left join nonconformities
        on
            weeks.indicator_id = nonconformities.indicator_id
            and weeks.variant_id = nonconformities.variant_id
            and weeks.week_start = nonconformities.week_start
    cross join build
)

select * from indicator_weeks
