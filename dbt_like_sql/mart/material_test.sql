-- Tests of construction materials by project, material and quarter, with the verdicts that count.
--
-- A recheck has decided for its original already (fact.verdict) and has no row of its own.
with verdicts as (
    select * from fact.verdict
    where unit_kind = 'sample' and programme = 'material_test' and not is_recheck
),

samples as (
    select * from latest.sample
),

build as (
    select * from meta.build
),

placed as (
    select
        coalesce(samples.project_no, 'UNSTATED') as project_no,
        verdicts.product_category,
        samples.producer_uscc,
        verdicts.final_verdict,
        coalesce(
            cast(extract(year from verdicts.counted_on) as varchar)
            || 'Q' || cast(extract(quarter from verdicts.counted_on) as varchar),
            'UNSTATED'
        ) as quarter
    from verdicts
    inner join samples
        on
            verdicts.source_id = samples.source_id
            and verdicts.unit_no = samples.sample_no
),

counts as (
    select
        project_no,
        product_category,
        case when grouping(quarter) = 1 then 'ALL' else quarter end as quarter,
        count(*) as samples,
        count(final_verdict) as tested,
        count(*) filter (where final_verdict = 'pass') as passed,
        count(*) filter (where final_verdict = 'fail') as failed,
        count(distinct producer_uscc) as producers
    from placed
    group by project_no, product_category, rollup (quarter)
),

material_tests as (
    select
        counts.project_no,
        counts.product_category,
        counts.quarter,
        counts.samples,
        counts.tested,
        counts.passed,
        counts.failed,
        counts.producers,
        build.as_of
    from counts
    cross join build
)

select * from material_tests
