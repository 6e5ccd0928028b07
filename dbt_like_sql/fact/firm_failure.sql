-- The firms behind each sample that failed, with what was sampled and whom its papers name.
with sample_firms as (
    select * from fact.sample_firm
    where final_verdict = 'fail'
),

samples as (
    select * from latest.sample
),

firm_failures as (
    select
        sample_firms.source_id,
        sample_firms.sample_no,
        sample_firms.firm_uscc,
        sample_firms.firm_role,
        sample_firms.firm_name,
        sample_firms.sampling_basis,
        sample_firms.counted_on,
        sample_firms.product_category,
        samples.product_name,
        samples.batch_no,
        samples.producer_uscc,
        samples.supplier_uscc,
        sample_firms.chain,
        sample_firms.chain_role
    from sample_firms
    inner join samples
        on
            sample_firms.source_id = samples.source_id
            and sample_firms.sample_no = samples.sample_no
)

select * from firm_failures
