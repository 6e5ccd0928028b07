-- Units of an indicator's field that a variant does not count, by reason and period, with words.
with days as (
    select * from counts.indicator_day
    where not is_counted
),

exclusions as (
    select * from ref.indicator_exclusion
),

build as (
    select * from meta.build
),

dated_units as (
    select
        indicator_id,
        variant_id,
        nullif(exclusion_reason, 'NONE') as exclusion_reason,
        nullif(assessed_period, 'NONE') as assessed_period,
        units,
        cast(extract(year from counted_on) as varchar) as year,
        cast(extract(quarter from counted_on) as varchar) as quarter_number,
        lpad(cast(extract(month from counted_on) as varchar), 2, '0') as month_number
    from days
),

named_periods as (
    select
        indicator_id,
        variant_id,
        exclusion_reason,
        assessed_period,
        units,
        coalesce(year, 'UNKNOWN') as year,
        coalesce(year || 'Q' || quarter_number, 'UNKNOWN') as quarter,
        coalesce(year || '-' || month_number, 'UNKNOWN') as month
    from dated_units
),

counts as (
    select
        indicator_id,
        variant_id,
        exclusion_reason,
        assessed_period,
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
        sum(units) as units
    from named_periods
    group by
        indicator_id,
        variant_id,
        exclusion_reason,
        assessed_period,
        grouping sets ((year), (year, quarter), (year, quarter, month))
),

indicator_exclusions as (
    select
        counts.indicator_id,
        counts.variant_id,
        counts.period_type,
        counts.period,
        counts.exclusion_reason,
        counts.units,
        exclusions.words_en,
        exclusions.words_zh,
        build.as_of
    from counts
    left join exclusions
        on
            counts.indicator_id = exclusions.indicator_id
            and counts.variant_id = exclusions.variant_id
            and counts.exclusion_reason = exclusions.reason
    cross join build
    where coalesce(counts.assessed_period, counts.period_type) = counts.period_type
)

select * from indicator_exclusions
