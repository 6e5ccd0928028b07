-- One row per extension of a clock that has started, in the order of approval.
--
-- Extensions add up, as far as the basis lets them. Whether one was approved in time depends on
-- the day to which the earlier ones had moved the clock: fact.case_clock tells.
with clock_runs as (
    select * from fact.clock_run
    where unit <> 'stated'
),

events as (
    select * from fact.case_event
    where event_type = 'extension_approved' and clock_id is not null
),

extensions as (
    select
        clock_runs.source_id,
        clock_runs.case_no,
        clock_runs.clock_id,
        clock_runs.max_extension,
        events.occurred_on as approved_on,
        events.occurred_at as approved_at,
        row_number() over (
            partition by clock_runs.source_id, clock_runs.case_no, clock_runs.clock_id
            order by events.order_no
        ) as extension_no,
        cast(
            sum(events.extension) over (
                partition by clock_runs.source_id, clock_runs.case_no, clock_runs.clock_id
                order by events.order_no
                rows between unbounded preceding and current row
            ) as bigint
        ) as extension_approved
    from clock_runs
    inner join events
        on
            clock_runs.source_id = events.source_id
            and clock_runs.case_no = events.case_no
            and clock_runs.clock_id = events.clock_id
),

clock_extensions as (
    select
        source_id,
        case_no,
        clock_id,
        extension_no,
        approved_on,
        approved_at,
        extension_approved,
        least(extension_approved, coalesce(max_extension, extension_approved)) as extension_allowed
    from extensions
)

select * from clock_extensions
