-- What failed and where: every failing result of a sample whose final verdict is fail, with the
-- file and row that it came from. A sample that failed without a failing result has one row without
-- a parameter. Rechecks have no rows of their own: they decide whether the first sample has any.
with units as (
    select * from fact.verdict
),

samples as (
    select * from latest.sample
),

results as (
    select * from latest.test_result
),

banned_detections as (
    select
        source_id,
        sample_no,
        parameter_code,
        seq
    from fact.banned_detection
    where is_confirmed
),

deliveries as (
    select * from meta.delivery
),

failed_units as (
    select *
    from units
    where unit_kind = 'sample' and final_verdict = 'fail' and not is_recheck
),

failing_results as (
    select
        results.*,
        case
            when results.verdict = 'fail' then 'reported'
            when banned_detections.seq is not null then 'banned_substance'
            else 'derived'
        end as nonconformity_basis
    from results
    left join banned_detections
        on
            results.source_id = banned_detections.source_id
            and results.sample_no = banned_detections.sample_no
            and results.parameter_code = banned_detections.parameter_code
            and results.seq = banned_detections.seq
    where
        coalesce(results.verdict, results.derived_verdict) = 'fail'
        or banned_detections.seq is not null
),

located as (
    select
        failed_units.*,
        failing_results.parameter_code,
        failing_results.seq,
        failing_results.parameter_name,
        failing_results.result_text,
        failing_results.qualifier,
        failing_results.value,
        failing_results.unit,
        failing_results.limit_text,
        failing_results.limit_comparator,
        failing_results.limit_low,
        failing_results.limit_high,
        coalesce(failing_results.nonconformity_basis, 'not_stated') as nonconformity_basis,
        coalesce(failing_results.delivery_id, failed_units.delivery_id) as found_in_delivery,
        case
            when failing_results.delivery_id is null then failed_units.source_sheet
            else failing_results.source_sheet
        end as found_on_sheet,
        case
            when failing_results.delivery_id is null then failed_units.source_row
            else failing_results.source_row
        end as found_in_row
    from failed_units
    left join failing_results
        on
            failed_units.source_id = failing_results.source_id
            and failed_units.unit_no = failing_results.sample_no
),

nonconformities as (
    select
        located.source_id,
        located.unit_no as sample_no,
        located.parameter_code,
        located.seq,
        located.parameter_name,
        located.result_text,
        located.qualifier,
        located.value,
        located.unit,
        located.limit_text,
        located.limit_comparator,
        located.limit_low,
        located.limit_high,
        located.nonconformity_basis,
        located.verdict_basis,
        located.recheck_no,
        located.domain,
        located.programme,
        located.sampling_basis,
        located.coverage,
        samples.product_name,
        located.product_category,
        located.industry_code,
        samples.brand,
        samples.specification,
        samples.batch_no,
        samples.produced_on,
        samples.entity_name,
        samples.entity_uscc,
        samples.producer_name,
        samples.producer_uscc,
        located.link,
        located.division_code,
        samples.division_text,
        located.counted_on,
        located.date_basis,
        located.found_in_delivery as delivery_id,
        deliveries.file_name,
        located.found_on_sheet as source_sheet,
        located.found_in_row as source_row
    from located
    inner join samples
        on
            located.source_id = samples.source_id
            and located.unit_no = samples.sample_no
    left join deliveries
        on located.found_in_delivery = deliveries.delivery_id
)

select * from nonconformities
