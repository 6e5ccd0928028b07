-- Units of each indicator variant by day, counted or left out for a reason, to be added up.
--
-- Of samples, also how much was wrong with them: a failing sample without results has one
-- nonconformity.
with units as (
    select * from fact.indicator_unit
),

failures as (
    select
        indicator_id,
        variant_id,
        unit_kind,
        source_id,
        unit_no
    from mart.indicator_failure
    where unit_kind = 'sample'
),

nonconformities as (
    select
        indicator_id,
        variant_id,
        unit_kind,
        source_id,
        unit_no,
        count(*) as nonconformities
    from failures
    group by indicator_id, variant_id, unit_kind, source_id, unit_no
),

indicator_days as (
    select
        units.indicator_id,
        units.variant_id,
        units.unit_kind,
        units.estimates,
        units.programme,
        units.sampling_basis,
        units.coverage,
        units.is_random,
        coalesce(units.assessed_period, 'NONE') as assessed_period,
        units.is_counted,
        coalesce(units.exclusion_reason, 'NONE') as exclusion_reason,
        units.counted_on,
        count(*) as units,
        coalesce(sum(units.numerator), 0) as numerator,
        coalesce(sum(units.denominator), 0) as denominator,
        coalesce(sum(nonconformities.nonconformities), 0) as nonconformities
    from units
    left join nonconformities
        on
            units.unit_kind = nonconformities.unit_kind
            and units.indicator_id = nonconformities.indicator_id
            and units.variant_id = nonconformities.variant_id
            and units.source_id = nonconformities.source_id
            and units.unit_no = nonconformities.unit_no
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
)

select * from indicator_days
