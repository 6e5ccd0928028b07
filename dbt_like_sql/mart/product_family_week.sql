-- Failures of each product family by week, for control charts: programmes and bases stand apart.
with verdicts as (
    select * from fact.verdict
    where
        unit_kind = 'sample'
        and not is_recheck
        and counted_on is not null
        and final_verdict in ('pass', 'conditional', 'fail')
),

build as (
    select * from meta.build
),

weeks as (
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
),

product_family_weeks as (
    select
        weeks.*,
        build.as_of
    from weeks
    cross join build
)

select * from product_family_weeks
