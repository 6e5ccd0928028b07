-- Counts of each indicator variant by period and slice. Rates are divided from these, once.
--
-- Months are added up to quarters and years, in the whole and in each slice that an indicator has;
-- firms are counted by year only, and stand here where their figures are shown or weighted: they
-- are as many as the country has, and all of them are in mart.indicator_firm. Year to date: from
-- January to the end of the month, for every month of the year in which anything of the variant was
-- counted. A unit that is itself the assessment of a period (means first, class after) counts in
-- periods of that kind only. Such units are a roster: those without a verdict are told, because the
-- roster was not assessed whole.
with months as (
    select * from counts.indicator_month
),

firm_years as (
    select * from mart.indicator_firm
    where denominator > 0
),

indicators as (
    select * from ref.indicator
),

variants as (
    select * from ref.indicator_variant
),

firm_weights as (
    select * from ref.indicator_weight
    where slice_type = 'firm'
),

slices as (
    select * from ref.indicator_slice
    where is_made
),

plans as (
    select * from ref.plan
),

pilots as (
    select * from ref.plan_pilot_division
),

build as (
    select * from meta.build
),

pilot_divisions as (
    select
        pilots.division_code,
        cast(plans.year as varchar) as year
    from pilots
    inner join plans
        on pilots.plan_id = plans.plan_id
),

place_years as (
    select distinct
        year,
        slice as division_code
    from months
    where slice_type = 'division'
),

-- A place is a pilot by the plan of the year. One that is told more coarsely than pilots are (the
-- city, where pilots are towns) may lie in them or not.
places as (
    select
        place_years.year,
        place_years.division_code,
        case
            when place_years.division_code = 'UNKNOWN' then 'UNKNOWN'
            when count(*) filter (
                where place_years.division_code like pilot_divisions.division_code || '%'
            ) > 0 then 'pilot'
            when length(place_years.division_code) < max(length(pilot_divisions.division_code))
                then 'UNKNOWN'
            else 'rest'
        end as pilot
    from place_years
    left join pilot_divisions
        on place_years.year = pilot_divisions.year
    group by 1, 2
),

pilot_months as (
    select
        months.indicator_id,
        months.variant_id,
        months.estimates,
        months.assessed_period,
        months.year,
        months.quarter,
        months.month,
        'pilot' as slice_type,
        coalesce(places.pilot, 'UNKNOWN') as slice,
        months.inclusion_probability,
        months.units,
        months.numerator,
        months.denominator,
        months.excluded,
        months.on_roster,
        months.not_assessed
    from months
    left join places
        on
            months.year = places.year
            and months.slice = places.division_code
    where months.slice_type = 'division'
),

sliced_months as (
    select * from months
    union all
    select * from pilot_months
),

rolled_up as (
    select
        indicator_id,
        variant_id,
        estimates,
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
        slice_type,
        slice,
        year,
        nullif(assessed_period, 'NONE') as assessed_period,
        max(inclusion_probability) as inclusion_probability,
        sum(units) as units,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(excluded) as excluded,
        sum(on_roster) as on_roster,
        sum(not_assessed) as not_assessed
    from sliced_months
    group by
        indicator_id,
        variant_id,
        estimates,
        slice_type,
        slice,
        year,
        assessed_period,
        grouping sets ((), (quarter), (quarter, month))
),

counted_months as (
    select distinct
        indicator_id,
        variant_id,
        year,
        period
    from rolled_up
    where
        period_type = 'month'
        and slice_type = 'all'
        and denominator > 0
        and assessed_period is null
),

years_to_date as (
    select
        rolled_up.indicator_id,
        rolled_up.variant_id,
        rolled_up.estimates,
        'year_to_date' as period_type,
        counted_months.period,
        rolled_up.slice_type,
        rolled_up.slice,
        max(rolled_up.inclusion_probability) as inclusion_probability,
        sum(rolled_up.units) as units,
        sum(rolled_up.numerator) as numerator,
        sum(rolled_up.denominator) as denominator,
        sum(rolled_up.excluded) as excluded,
        sum(rolled_up.on_roster) as on_roster,
        sum(rolled_up.not_assessed) as not_assessed
    from rolled_up
    inner join counted_months
        on
            rolled_up.indicator_id = counted_months.indicator_id
            and rolled_up.variant_id = counted_months.variant_id
            and rolled_up.year = counted_months.year
            and rolled_up.period <= counted_months.period
    where rolled_up.period_type = 'month' and rolled_up.assessed_period is null
    group by 1, 2, 3, 4, 5, 6, 7
),

assessed_years_to_date as (
    select
        indicator_id,
        variant_id,
        estimates,
        'year_to_date' as period_type,
        period,
        slice_type,
        slice,
        inclusion_probability,
        units,
        numerator,
        denominator,
        excluded,
        on_roster,
        not_assessed
    from rolled_up
    where period_type = 'month' and assessed_period = 'year_to_date'
),

weighted_by_firm as (
    select distinct
        variants.indicator_id,
        variants.variant_id
    from variants
    inner join firm_weights
        on variants.weighting = firm_weights.weighting
),

firms as (
    select
        firm_years.indicator_id,
        firm_years.variant_id,
        firm_years.estimates,
        'year' as period_type,
        firm_years.year as period,
        'firm' as slice_type,
        firm_years.entity_uscc as slice,
        cast(null as double) as inclusion_probability,
        firm_years.units,
        firm_years.numerator,
        firm_years.denominator,
        firm_years.excluded,
        firm_years.on_roster,
        firm_years.not_assessed
    from firm_years
    inner join indicators
        on firm_years.indicator_id = indicators.indicator_id
    left join weighted_by_firm
        on
            firm_years.indicator_id = weighted_by_firm.indicator_id
            and firm_years.variant_id = weighted_by_firm.variant_id
    where
        firm_years.denominator >= indicators.suppress_below
        or firm_years.estimates = 'census'
        or weighted_by_firm.indicator_id is not null
),

counts as (
    select
        indicator_id,
        variant_id,
        estimates,
        period_type,
        period,
        slice_type,
        slice,
        inclusion_probability,
        units,
        numerator,
        denominator,
        excluded,
        on_roster,
        not_assessed
    from rolled_up
    where coalesce(assessed_period, period_type) = period_type
    union all
    select * from years_to_date
    union all
    select * from assessed_years_to_date
    union all
    select * from firms
),

indicator_counts as (
    select
        counts.indicator_id,
        counts.variant_id,
        counts.estimates,
        counts.period_type,
        counts.period,
        counts.slice_type,
        counts.slice,
        counts.inclusion_probability,
        counts.numerator,
        counts.denominator,
        counts.excluded,
        nullif(counts.on_roster, 0) as on_roster,
        case
            when counts.on_roster > 0 or counts.units > counts.excluded then counts.not_assessed
        end as not_assessed,
        build.as_of
    from counts
    inner join slices
        on
            counts.indicator_id = slices.indicator_id
            and counts.slice_type = slices.slice_type
    cross join build
)

select * from indicator_counts
