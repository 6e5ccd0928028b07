-- Counts of each indicator variant by period and slice. Rates are divided from these, once.
--
-- A unit is counted in its month, quarter and year, in the whole and in each slice that its
-- indicator has; firms by year only. Year to date: from January to the end of the month, for every
-- month of the year in which anything of the variant was counted. A unit that is itself the
-- assessment of a period (means first, class after) counts in periods of that kind only. Such units
-- are a roster: those without a verdict are told, because the roster was not assessed whole.
with units as (
    select * from fact.indicator_unit
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

pilot_divisions as (
    select
        pilots.division_code,
        cast(plans.year as varchar) as year
    from pilots
    inner join plans
        on pilots.plan_id = plans.plan_id
),

build as (
    select * from meta.build
),

days as (
    select
        *,
        cast(extract(year from counted_on) as varchar) as year,
        cast(extract(quarter from counted_on) as varchar) as quarter_number,
        lpad(cast(extract(month from counted_on) as varchar), 2, '0') as month_number,
        case
            when
                assessed_period is not null
                and (is_counted or exclusion_reason = 'no_verdict')
                then 1
        end as on_roster
    from units
    where counted_on is not null
),

place_years as (
    select distinct
        year,
        division_code
    from days
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

dated_units as (
    select
        days.*,
        coalesce(places.pilot, 'UNKNOWN') as pilot
    from days
    left join places
        on
            days.year = places.year
            and days.division_code = places.division_code
),

cells as (
    select
        indicator_id,
        variant_id,
        estimates,
        year,
        year || 'Q' || quarter_number as quarter,
        year || '-' || month_number as month,
        division_code,
        pilot,
        link,
        product_category,
        industry_division,
        chain,
        firm_class,
        subject_type,
        sampling_stratum,
        assessed_period,
        max(inclusion_probability) as inclusion_probability,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(case when is_counted then 0 else 1 end) as excluded,
        sum(on_roster) as on_roster,
        sum(case when is_counted then 0 else on_roster end) as not_assessed
    from dated_units
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
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
        case
            when grouping(division_code) = 0 then 'division'
            when grouping(pilot) = 0 then 'pilot'
            when grouping(link) = 0 then 'link'
            when grouping(product_category) = 0 then 'category'
            when grouping(industry_division) = 0 then 'industry'
            when grouping(chain) = 0 then 'chain'
            when grouping(firm_class) = 0 then 'firm_class'
            when grouping(subject_type) = 0 then 'subject_type'
            when grouping(sampling_stratum) = 0 then 'stratum'
            else 'all'
        end as slice_type,
        case
            when grouping(division_code) = 0 then division_code
            when grouping(pilot) = 0 then pilot
            when grouping(link) = 0 then link
            when grouping(product_category) = 0 then product_category
            when grouping(industry_division) = 0 then industry_division
            when grouping(chain) = 0 then chain
            when grouping(firm_class) = 0 then firm_class
            when grouping(subject_type) = 0 then subject_type
            when grouping(sampling_stratum) = 0 then sampling_stratum
            else 'all'
        end as slice,
        year,
        assessed_period,
        case when grouping(sampling_stratum) = 0 then max(inclusion_probability) end
            as inclusion_probability,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(excluded) as excluded,
        sum(on_roster) as on_roster,
        sum(not_assessed) as not_assessed
    from cells
    group by
        indicator_id,
        variant_id,
        estimates,
        year,
        assessed_period,
        grouping sets ((), (quarter), (quarter, month)),
        grouping sets (
            (), (division_code), (pilot), (link), (product_category), (industry_division),
            (chain), (firm_class), (subject_type), (sampling_stratum)
        )
),

months as (
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
        months.period,
        rolled_up.slice_type,
        rolled_up.slice,
        max(rolled_up.inclusion_probability) as inclusion_probability,
        sum(rolled_up.numerator) as numerator,
        sum(rolled_up.denominator) as denominator,
        sum(rolled_up.excluded) as excluded,
        sum(rolled_up.on_roster) as on_roster,
        sum(rolled_up.not_assessed) as not_assessed
    from rolled_up
    inner join months
        on
            rolled_up.indicator_id = months.indicator_id
            and rolled_up.variant_id = months.variant_id
            and rolled_up.year = months.year
            and rolled_up.period <= months.period
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
        numerator,
        denominator,
        excluded,
        on_roster,
        not_assessed
    from rolled_up
    where period_type = 'month' and assessed_period = 'year_to_date'
),

firms as (
    select
        indicator_id,
        variant_id,
        estimates,
        'year' as period_type,
        year as period,
        'firm' as slice_type,
        entity_uscc as slice,
        cast(null as double) as inclusion_probability,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(case when is_counted then 0 else 1 end) as excluded,
        sum(on_roster) as on_roster,
        sum(case when is_counted then 0 else on_roster end) as not_assessed
    from dated_units
    where entity_uscc is not null and coalesce(assessed_period, 'year') = 'year'
    group by 1, 2, 3, 4, 5, 6, 7
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
        cast(counts.on_roster as bigint) as on_roster,
        cast(counts.not_assessed as bigint) as not_assessed,
        build.as_of
    from counts
    inner join slices
        on
            counts.indicator_id = slices.indicator_id
            and counts.slice_type = slices.slice_type
    cross join build
)

select * from indicator_counts
