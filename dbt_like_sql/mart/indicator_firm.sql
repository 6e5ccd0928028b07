-- Counts of each indicator variant by year and firm, to be added up.
--
-- Only of indicators that are told by firm. Figures are made in mart.indicator_value, of the firms
-- with enough units to be shown. Units that are themselves the assessment of a period are counted
-- where that is the year.
with units as (
    select * from fact.indicator_unit
    where
        counted_on is not null
        and entity_uscc is not null
        and coalesce(assessed_period, 'year') = 'year'
),

slices as (
    select * from ref.indicator_slice
    where is_made and slice_type = 'firm'
),

variants as (
    select * from ref.indicator_variant
),

-- Firms are many: a number and a code tell a group, and words are joined to it at last.
numbered_variants as (
    select
        variants.indicator_id,
        variants.variant_id,
        variants.estimates,
        row_number() over (order by variants.indicator_id, variants.variant_id) as variant_number
    from variants
    inner join slices
        on variants.indicator_id = slices.indicator_id
),

dated_units as (
    select
        numbered_variants.variant_number,
        extract(year from units.counted_on) as year_number,
        units.entity_uscc,
        units.is_counted,
        units.numerator,
        units.denominator,
        units.assessed_period is not null
        and (units.is_counted or units.exclusion_reason = 'no_verdict') as on_roster
    from units
    inner join numbered_variants
        on
            units.indicator_id = numbered_variants.indicator_id
            and units.variant_id = numbered_variants.variant_id
),

firm_counts as (
    select
        variant_number,
        year_number,
        entity_uscc,
        count(*) as units,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        count(*) filter (where not is_counted) as excluded,
        count(*) filter (where on_roster) as on_roster,
        count(*) filter (where on_roster and not is_counted) as not_assessed
    from dated_units
    group by 1, 2, 3
),

indicator_firms as (
    select
        numbered_variants.indicator_id,
        numbered_variants.variant_id,
        numbered_variants.estimates,
        cast(firm_counts.year_number as varchar) as year,
        firm_counts.entity_uscc,
        firm_counts.units,
        firm_counts.numerator,
        firm_counts.denominator,
        firm_counts.excluded,
        firm_counts.on_roster,
        firm_counts.not_assessed
    from firm_counts
    inner join numbered_variants
        on firm_counts.variant_number = numbered_variants.variant_number
)

select * from indicator_firms
