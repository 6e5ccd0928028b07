-- How the samples of each firm came out, by role and sampling basis, over all days.
with sample_firms as (
    select * from fact.sample_firm
    where final_verdict in ('pass', 'conditional', 'fail')
),

failures as (
    select
        firm_uscc,
        firm_role,
        sampling_basis,
        max(counted_on) as last_failed_on
    from sample_firms
    where final_verdict = 'fail'
    group by 1, 2, 3
),

firm_records as (
    select
        sample_firms.firm_uscc,
        sample_firms.firm_role,
        sample_firms.sampling_basis,
        min(sample_firms.firm_name) as firm_name,
        count(*) as tested,
        count(*) filter (where sample_firms.final_verdict = 'pass') as passed,
        count(*) filter (where sample_firms.final_verdict = 'conditional') as conditional,
        count(*) filter (where sample_firms.final_verdict = 'fail') as failed,
        min(sample_firms.counted_on) as first_sampled_on,
        max(sample_firms.counted_on) as last_sampled_on,
        max(failures.last_failed_on) as last_failed_on,
        count(*) filter (
            where
            failures.last_failed_on is null
            or sample_firms.counted_on > failures.last_failed_on
        ) as passed_since_failure
    from sample_firms
    left join failures
        on
            sample_firms.firm_uscc = failures.firm_uscc
            and sample_firms.firm_role = failures.firm_role
            and sample_firms.sampling_basis = failures.sampling_basis
    group by 1, 2, 3
)

select * from firm_records
