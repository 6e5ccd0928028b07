-- How often the verdict that a source reports and the one that follows from its values disagree.
--
-- Compared is only fail against not fail: a reported conditional pass agrees with a derived pass.
with units as (
    select * from fact.verdict
),

results as (
    select * from latest.test_result
),

build as (
    select * from meta.build
),

sample_units as (
    select * from units
    where unit_kind = 'sample'
),

compared as (
    select
        domain,
        source_id,
        'sample' as level,
        reported_verdict,
        derived_verdict
    from sample_units
    union all
    select
        sample_units.domain,
        results.source_id,
        'result' as level,
        results.verdict as reported_verdict,
        results.derived_verdict
    from results
    inner join sample_units
        on
            results.source_id = sample_units.source_id
            and results.sample_no = sample_units.unit_no
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

counts as (
    select
        domain,
        source_id,
        level,
        count(*) filter (where reported <> 'none' and derived <> 'none') as both_known,
        count(*) filter (where reported <> 'none' and reported = derived) as agreeing,
        count(*) filter (
            where reported = 'pass' and derived = 'fail'
        ) as reported_pass_derived_fail,
        count(*) filter (
            where reported = 'fail' and derived = 'pass'
        ) as reported_fail_derived_pass,
        count(*) filter (where reported <> 'none' and derived = 'none') as reported_only,
        count(*) filter (where reported = 'none' and derived <> 'none') as derived_only,
        count(*) filter (where reported = 'none' and derived = 'none') as neither
    from conclusive
    group by domain, source_id, level
),

agreements as (
    select
        counts.domain,
        counts.source_id,
        counts.level,
        counts.both_known,
        counts.agreeing,
        counts.reported_pass_derived_fail + counts.reported_fail_derived_pass as disagreeing,
        counts.reported_pass_derived_fail,
        counts.reported_fail_derived_pass,
        counts.reported_only,
        counts.derived_only,
        counts.neither,
        cast(counts.agreeing as double) / nullif(counts.both_known, 0) as agreement_rate,
        build.as_of
    from counts
    cross join build
)

select * from agreements
