-- How the samples of each firm came out, by role and sampling basis, over all days.
with sample_firms as (
    select * from fact.sample_firm
    where final_verdict in ('pass', 'conditional', 'fail')
),

tested_samples as (
    select
        *,
        max(case when final_verdict = 'fail' then counted_on end) over (
            partition by firm_uscc, firm_role, sampling_basis
        ) as last_failed_on
    from sample_firms
),

firm_records as (
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
)

select * from firm_records
