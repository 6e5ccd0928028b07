-- Reported verdicts beside those that follow from values, of samples and results, to be added up.
--
-- `results` counts exactly the rows of latest.test_result that a sample has: samples without any
-- would join to nothing, and are left out before the join.
with units as (
    select * from fact.verdict
    where unit_kind = 'sample'
),

results as (
    select * from latest.test_result
),

compared as (
    select
        domain,
        source_id,
        'sample' as level,
        reported_verdict,
        derived_verdict
    from units
    union all
    select
        units.domain,
        results.source_id,
        'result' as level,
        results.verdict as reported_verdict,
        results.derived_verdict
    from results
    inner join units
        on
            results.source_id = units.source_id
            and results.sample_no = units.unit_no
    where units.results > 0
),

conclusive as (
    select
        domain,
        source_id,
        level,
        case
            when reported_verdict = 'fail' then 'fail'
            when reported_verdict in ('pass', 'conditional') then 'pass'
            else 'none'
        end as reported,
        case
            when derived_verdict = 'fail' then 'fail'
            when derived_verdict in ('pass', 'conditional') then 'pass'
            else 'none'
        end as derived
    from compared
),

verdict_pairs as (
    select
        domain,
        source_id,
        level,
        reported,
        derived,
        count(*) as compared
    from conclusive
    group by domain, source_id, level, reported, derived
)

select * from verdict_pairs
