-- The record of each firm: how its samples came out, by role and sampling basis.
--
-- Counts only: samples of several bases stand in rows of their own and give no rate together.
with sample_firms as (
    select * from fact.sample_firm
),

firm_periods as (
    select * from fact.firm_period
),

credit_periods as (
    select * from fact.credit_period
),

build as (
    select * from meta.build
),

tested_samples as (
    select
        *,
        max(case when final_verdict = 'fail' then counted_on end) over (
            partition by firm_uscc, firm_role, sampling_basis
        ) as last_failed_on
    from sample_firms
    where final_verdict in ('pass', 'conditional', 'fail')
),

records as (
    select
        firm_uscc,
        firm_role,
        sampling_basis,
        min(firm_name) as firm_name,
        count(*) as tested,
        count(*) filter (where final_verdict = 'pass') as passed,
        count(*) filter (where final_verdict = 'conditional') as conditional,
        count(*) filter (where final_verdict = 'fail') as failed,
        min(counted_on) as first_sampled_on,
        max(counted_on) as last_sampled_on,
        max(last_failed_on) as last_failed_on,
        count(*) filter (
            where last_failed_on is null or counted_on > last_failed_on
        ) as passed_since_failure
    from tested_samples
    group by firm_uscc, firm_role, sampling_basis
),

firm_histories as (
    select
        records.firm_uscc,
        records.firm_role,
        records.sampling_basis,
        coalesce(firm_periods.entity_name, records.firm_name) as firm_name,
        records.tested,
        records.passed,
        records.conditional,
        records.failed,
        records.first_sampled_on,
        records.last_sampled_on,
        records.last_failed_on,
        records.passed_since_failure,
        firm_periods.subject_type,
        firm_periods.chain,
        firm_periods.chain_role,
        coalesce(credit_periods.credit_class, 'UNRATED') as credit_class,
        build.as_of
    from records
    cross join build
    left join firm_periods
        on
            records.firm_uscc = firm_periods.entity_uscc
            and build.as_of >= firm_periods.valid_from
            and (firm_periods.valid_to is null or build.as_of < firm_periods.valid_to)
    left join credit_periods
        on
            records.firm_uscc = credit_periods.entity_uscc
            and build.as_of >= credit_periods.valid_from
            and (credit_periods.valid_to is null or build.as_of < credit_periods.valid_to)
)

select * from firm_histories
