-- Samples that consumers had tested (你送我检), with what was found.
with verdicts as (
    select * from fact.verdict
    where
        unit_kind = 'sample'
        and not is_recheck
        and (programme = 'consumer_submitted' or sampling_basis = 'consumer_submitted')
),

samples as (
    select * from latest.sample
),

banned_detections as (
    select * from fact.banned_detection
    where is_confirmed
),

banned_samples as (
    select distinct
        source_id,
        sample_no
    from banned_detections
),

consumer_samples as (
    select
        verdicts.source_id,
        verdicts.unit_no as sample_no,
        verdicts.domain,
        verdicts.programme,
        verdicts.sampling_basis,
        verdicts.counted_on,
        verdicts.division_code,
        verdicts.product_category,
        samples.product_name,
        samples.entity_name,
        verdicts.final_verdict,
        banned_samples.sample_no is not null as has_banned_substance,
        samples.lead_no,
        verdicts.delivery_id,
        verdicts.received_on,
        verdicts.source_sheet,
        verdicts.source_row
    from verdicts
    inner join samples
        on
            verdicts.source_id = samples.source_id
            and verdicts.unit_no = samples.sample_no
    left join banned_samples
        on
            verdicts.source_id = banned_samples.source_id
            and verdicts.unit_no = banned_samples.sample_no
)

select * from consumer_samples
