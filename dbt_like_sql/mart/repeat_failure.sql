-- Days on which samples of a firm failed, with the record that the firm had before each.
--
-- All samples behind which the firm stands count, in any role and of any basis; a record tells how
-- often it was looked at and failed, and is no rate. Samples of the same day are not before it.
with sample_firms as (
    select * from fact.sample_firm
    where counted_on is not null
),

failure_days as (
    select distinct
        firm_uscc,
        counted_on as failed_on
    from sample_firms
    where final_verdict = 'fail'
),

-- All samples of a firm up to a day on which one failed.
records as (
    select
        failure_days.firm_uscc,
        failure_days.failed_on,
        sample_firms.firm_name,
        sample_firms.counted_on,
        sample_firms.final_verdict,
        sample_firms.counted_on < failure_days.failed_on as is_before
    from sample_firms
    inner join failure_days
        on
            sample_firms.firm_uscc = failure_days.firm_uscc
            and sample_firms.counted_on <= failure_days.failed_on
),

counted_records as (
    select
        firm_uscc,
        failed_on,
        min(firm_name) filter (where not is_before) as firm_name,
        count(*) filter (where not is_before and final_verdict = 'fail') as failed,
        count(*) filter (
            where is_before and final_verdict in ('pass', 'conditional', 'fail')
        ) as tested_before,
        count(*) filter (where is_before and final_verdict = 'fail') as failed_before,
        max(counted_on) filter (
            where is_before and final_verdict = 'fail'
        ) as last_failed_before
    from records
    group by firm_uscc, failed_on
),

repeat_failures as (
    select
        firm_uscc,
        firm_name,
        failed_on,
        failed,
        tested_before,
        failed_before,
        last_failed_before,
        date_diff('day', last_failed_before, failed_on) as days_since_failure
    from counted_records
)

select * from repeat_failures
