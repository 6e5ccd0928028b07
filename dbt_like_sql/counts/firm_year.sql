-- How the samples that each firm answers for came out, year by year, by what it was on the day.
with sample_firms as (
    select * from fact.sample_firm
    where answers
),

described as (
    select
        firm_uscc,
        domain,
        programme,
        sampling_basis,
        coverage,
        coalesce(cast(extract(year from counted_on) as varchar), 'UNKNOWN') as period,
        subject_type,
        coalesce(cluster, '') as cluster,
        coalesce(chain, '') as chain,
        coalesce(chain_role, '') as chain_role,
        credit_class,
        final_verdict
    from sample_firms
),

firm_years as (
    select
        firm_uscc,
        domain,
        programme,
        sampling_basis,
        coverage,
        period,
        subject_type,
        cluster,
        chain,
        chain_role,
        credit_class,
        count(*) filter (where final_verdict in ('pass', 'conditional', 'fail')) as tested,
        count(*) filter (where final_verdict = 'pass') as passed,
        count(*) filter (where final_verdict = 'fail') as failed
    from described
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
)

select * from firm_years
