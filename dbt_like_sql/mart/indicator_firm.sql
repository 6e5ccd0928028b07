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

dated_units as (
    select
        units.*,
        cast(extract(year from units.counted_on) as varchar) as year,
        case
            when
                units.assessed_period is not null
                and (units.is_counted or units.exclusion_reason = 'no_verdict')
                then 1
            else 0
        end as on_roster
    from units
    inner join slices
        on units.indicator_id = slices.indicator_id
),

indicator_firms as (
    select
        indicator_id,
        variant_id,
        estimates,
        year,
        entity_uscc,
        count(*) as units,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(case when is_counted then 0 else 1 end) as excluded,
        sum(on_roster) as on_roster,
        sum(case when is_counted then 0 else on_roster end) as not_assessed
    from dated_units
    group by 1, 2, 3, 4, 5
)

select * from indicator_firms
