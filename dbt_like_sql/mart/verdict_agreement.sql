-- How often the verdict that a source reports and the one that follows from its values disagree.
--
-- Compared is only fail against not fail: a reported conditional pass agrees with a derived pass.
with pairs as (
    select * from counts.verdict_pair
),

build as (
    select * from meta.build
),

counts as (
    select
        domain,
        source_id,
        level,
        sum(
            case when reported <> 'none' and derived <> 'none' then compared else 0 end
        ) as both_known,
        sum(
            case when reported <> 'none' and reported = derived then compared else 0 end
        ) as agreeing,
        sum(
            case when reported = 'pass' and derived = 'fail' then compared else 0 end
        ) as reported_pass_derived_fail,
        sum(
            case when reported = 'fail' and derived = 'pass' then compared else 0 end
        ) as reported_fail_derived_pass,
        sum(
            case when reported <> 'none' and derived = 'none' then compared else 0 end
        ) as reported_only,
        sum(
            case when reported = 'none' and derived <> 'none' then compared else 0 end
        ) as derived_only,
        sum(
            case when reported = 'none' and derived = 'none' then compared else 0 end
        ) as neither
    from pairs
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
