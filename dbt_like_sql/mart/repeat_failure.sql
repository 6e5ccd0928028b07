-- Days on which samples of a firm failed, with the record that the firm had before each.
--
-- All samples behind which the firm stands count, in any role and of any basis; a record tells how
-- often it was looked at and failed, and is no rate. Samples of the same day are not before it.
with sample_firms as (
    select * from fact.sample_firm
    where counted_on is not null
),

firm_days as (
    select
        firm_uscc,
        counted_on,
        min(firm_name) as firm_name,
        count(*) filter (where final_verdict in ('pass', 'conditional', 'fail')) as tested,
        count(*) filter (where final_verdict = 'fail') as failed,
        max(counted_on) filter (where final_verdict = 'fail') as failed_on
    from sample_firms
    group by firm_uscc, counted_on
),

records as (
    select
        firm_uscc,
        firm_name,
        counted_on,
        failed,
        sum(tested) over (
            partition by firm_uscc order by counted_on
            rows between unbounded preceding and 1 preceding
        ) as tested_before,
        sum(failed) over (
            partition by firm_uscc order by counted_on
            rows between unbounded preceding and 1 preceding
        ) as failed_before,
        max(failed_on) over (
            partition by firm_uscc order by counted_on
            rows between unbounded preceding and 1 preceding
        ) as last_failed_before
    from firm_days
),

repeat_failures as (
    select
        firm_uscc,
        firm_name,
        counted_on as failed_on,
        failed,
        coalesce(tested_before, 0) as tested_before,
        coalesce(failed_before, 0) as failed_before,
        last_failed_before,
        date_diff('day', last_failed_before, counted_on) as days_since_failure
    from records
    where failed > 0
)

select * from repeat_failures
