-- The record of each firm: how its samples came out, by role and sampling basis.
--
-- Counts only: samples of several bases stand in rows of their own and give no rate together.
with records as (
    select * from counts.firm_record
),

firms as (
    select * from fact.firm_now
),

firm_histories as (
    select
        records.firm_uscc,
        records.firm_role,
        records.sampling_basis,
        coalesce(firms.entity_name, records.firm_name) as firm_name,
        records.tested,
        records.passed,
        records.conditional,
        records.failed,
        records.first_sampled_on,
        records.last_sampled_on,
        records.last_failed_on,
        records.passed_since_failure,
        firms.subject_type,
        firms.chain,
        firms.chain_role,
        coalesce(firms.credit_class, 'UNRATED') as credit_class
    from records
    left join firms
        on records.firm_uscc = firms.entity_uscc
)

select * from firm_histories
