-- The units that lower each figure: counted, but not passed, with every failing result of a sample,
-- each down to delivery, file, sheet and row. What a count counts is what should not be.
with units as (
    select * from fact.indicator_unit
    where is_counted
),

counts as (
    select indicator_id from ref.indicator
    where kind = 'count'
),

results as (
    select * from mart.nonconformity
),

deliveries as (
    select * from meta.delivery
),

lowering as (
    select
        units.*,
        case when units.unit_kind = 'sample' then units.unit_no end as sample_no
    from units
    left join counts
        on units.indicator_id = counts.indicator_id
    where
        (counts.indicator_id is null and units.numerator < units.denominator)
        or (counts.indicator_id is not null and units.numerator > 0)
),

located as (
    select
        lowering.*,
        results.seq,
        results.parameter_code,
        results.parameter_name,
        results.result_text,
        results.limit_text,
        results.product_name,
        results.entity_name,
        coalesce(results.delivery_id, lowering.delivery_id) as found_in_delivery,
        case
            when results.delivery_id is null then lowering.source_sheet
            else results.source_sheet
        end as found_on_sheet,
        case
            when results.delivery_id is null then lowering.source_row
            else results.source_row
        end as found_in_row
    from lowering
    left join results
        on
            lowering.source_id = results.source_id
            and lowering.sample_no = results.sample_no
),

failures as (
    select
        located.indicator_id,
        located.variant_id,
        located.unit_kind,
        located.source_id,
        located.unit_no,
        located.parameter_code,
        located.seq,
        located.parameter_name,
        located.result_text,
        located.limit_text,
        located.product_name,
        located.product_category,
        located.entity_name,
        located.division_code,
        located.programme,
        located.counted_on,
        located.final_verdict,
        located.verdict_basis,
        located.recheck_no,
        located.found_in_delivery as delivery_id,
        deliveries.received_on,
        deliveries.file_name,
        located.found_on_sheet as source_sheet,
        located.found_in_row as source_row
    from located
    left join deliveries
        on located.found_in_delivery = deliveries.delivery_id
)

select * from failures
