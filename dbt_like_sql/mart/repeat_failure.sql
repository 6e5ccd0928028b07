-- Days on which samples of a firm failed, with the record that the firm had before each.
--
-- All samples behind which the firm stands count, in any role and of any basis; a record tells how
-- often it was looked at and failed, and is no rate. Samples of the same day are not before it.
--
-- Each sample belongs to the first day on or after its own on which the firm failed, and is counted
-- there once; what came before a day is the sum of the days before.
with sample_firms as (
    select * from fact.sample_firm
    where counted_on is not null
),

failed_samples as (
    select
        firm_uscc,
        counted_on as failed_on,
        count(*) as failed
    from sample_firms
    where final_verdict = 'fail'
    group by firm_uscc, counted_on
),

failure_days as (
    select
        firm_uscc,
        failed_on,
        failed,
        lag(failed_on) over (partition by firm_uscc order by failed_on) as last_failed_before
    from failed_samples
),

spans as (
    select
        firm_uscc,
        failed_on,
        coalesce(last_failed_before, cast('0001-01-01' as date)) as after_day
    from failure_days
),

span_counts as (
    select
        spans.firm_uscc,
        spans.failed_on,
        min(sample_firms.firm_name) filter (
            where sample_firms.counted_on = spans.failed_on
        ) as firm_name,
        count(*) filter (
            where sample_firms.final_verdict in ('pass', 'conditional', 'fail')
        ) as tested,
        count(*) filter (
            where
            sample_firms.counted_on < spans.failed_on
            and sample_firms.final_verdict in ('pass', 'conditional', 'fail')
        ) as tested_since
    from sample_firms
    inner join spans
        on
            sample_firms.firm_uscc = spans.firm_uscc
            and sample_firms.counted_on <= spans.failed_on
            and sample_firms.counted_on > spans.after_day
    group by spans.firm_uscc, spans.failed_on
),

repeat_failures as (
    select
        failure_days.firm_uscc,
        span_counts.firm_name,
        failure_days.failed_on,
        failure_days.failed,
        span_counts.tested_since
        + coalesce(sum(span_counts.tested) over earlier_days, 0) as tested_before,
        coalesce(sum(failure_days.failed) over earlier_days, 0) as failed_before,
        failure_days.last_failed_before,
        date_diff('day', failure_days.last_failed_before, failure_days.failed_on)
            as days_since_failure
    from failure_days
    inner join span_counts
        on
            failure_days.firm_uscc = span_counts.firm_uscc
            and failure_days.failed_on = span_counts.failed_on
    window earlier_days as (
        partition by failure_days.firm_uscc
        order by failure_days.failed_on
        rows between unbounded preceding and 1 preceding
    )
)

select * from repeat_failures
