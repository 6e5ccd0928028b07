-- Inspected units by month, place, category and verdict, to be added up to rates.
--
-- Rechecks are not counted themselves: their verdict already is the final verdict of the sample
-- that they replace. Of what is tried several times, such as an acceptance, only the attempt that
-- ref.unit_kind names is counted.
with units as (
    select * from fact.verdict
),

unit_kinds as (
    select * from ref.unit_kind
),

dated_units as (
    select
        units.*,
        cast(extract(year from units.counted_on) as varchar) as year,
        cast(extract(quarter from units.counted_on) as varchar) as quarter_number,
        lpad(cast(extract(month from units.counted_on) as varchar), 2, '0') as month_number
    from units
    left join unit_kinds
        on units.unit_kind = unit_kinds.code
    where
        not units.is_recheck
        and (
            units.attempt is null
            or cast(units.attempt as varchar) = unit_kinds.counted_attempt
        )
),

verdict_months as (
    select
        unit_kind,
        domain,
        programme,
        sampling_basis,
        coverage,
        coalesce(year, 'UNKNOWN') as year,
        coalesce(year || 'Q' || quarter_number, 'UNKNOWN') as quarter,
        coalesce(year || '-' || month_number, 'UNKNOWN') as month,
        source_id,
        division_code,
        product_category,
        count(*) as units,
        count(*) filter (where final_verdict = 'pass') as passed,
        count(*) filter (where final_verdict = 'conditional') as conditional,
        count(*) filter (where final_verdict = 'fail') as failed
    from dated_units
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
)

select * from verdict_months
