-- Counts of each indicator variant by month and slice, to be added up to quarters and years.
--
-- A unit is counted in its month, in the whole and in each kind of slice. Units that are themselves
-- the assessment of a period are a roster: those without a verdict are told, because the roster was
-- not assessed whole.
with units as (
    select * from fact.indicator_unit
    where counted_on is not null
),

dated_units as (
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
            else 0
        end as on_roster
    from units
),

cells as (
    select
        indicator_id,
        variant_id,
        estimates,
        coalesce(assessed_period, 'NONE') as assessed_period,
        year,
        year || 'Q' || quarter_number as quarter,
        year || '-' || month_number as month,
        division_code,
        link,
        product_category,
        industry_division,
        chain,
        firm_class,
        subject_type,
        sampling_stratum,
        inclusion_probability,
        count(*) as units,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(case when is_counted then 0 else 1 end) as excluded,
        sum(on_roster) as on_roster,
        sum(case when is_counted then 0 else on_roster end) as not_assessed
    from dated_units
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
),

indicator_months as (
    select
        indicator_id,
        variant_id,
        estimates,
        assessed_period,
        year,
        quarter,
        month,
        case
            when grouping(division_code) = 0 then 'division'
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
            when grouping(link) = 0 then link
            when grouping(product_category) = 0 then product_category
            when grouping(industry_division) = 0 then industry_division
            when grouping(chain) = 0 then chain
            when grouping(firm_class) = 0 then firm_class
            when grouping(subject_type) = 0 then subject_type
            when grouping(sampling_stratum) = 0 then sampling_stratum
            else 'all'
        end as slice,
        inclusion_probability,
        sum(units) as units,
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
        assessed_period,
        year,
        quarter,
        month,
        grouping sets (
            (), (division_code), (link), (product_category), (industry_division), (chain),
            (firm_class), (subject_type), (sampling_stratum, inclusion_probability)
        )
)

select * from indicator_months
