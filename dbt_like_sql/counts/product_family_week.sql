-- Samples and failures of each product family by week, to be added up.
with verdicts as (
    select * from fact.verdict
    where
        unit_kind = 'sample'
        and not is_recheck
        and counted_on is not null
        and final_verdict in ('pass', 'conditional', 'fail')
),

product_family_weeks as (
    select
        domain,
        product_category,
        programme,
        sampling_basis,
        coverage,
        cast(date_trunc('week', counted_on) as date) as week_start,
        count(*) filter (where final_verdict = 'fail') as failures,
        count(*) as denominator
    from verdicts
    group by 1, 2, 3, 4, 5, 6
)

select * from product_family_weeks
