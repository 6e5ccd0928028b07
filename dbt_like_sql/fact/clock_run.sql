-- One row per case and clock that has started: what started it, and what stopped it.
--
-- The first trigger starts a clock. The first stop after it counts, unless the clock was reset
-- later, as by the reopening of a case. Extensions are in fact.clock_extension; days come from
-- fact.case_clock, which reads the calendar.
with cases as (
    select
        source_id,
        case_no,
        case_type,
        domain,
        case_class,
        division_code,
        entity_uscc,
        exclusion_reason
    from fact.case_state
),

events as (
    select * from fact.case_event
),

deadlines as (
    select * from ref.deadline
    where case_type is not null
),

stop_events as (
    select * from ref.deadline_stop
),

triggered as (
    select
        cases.source_id,
        cases.case_no,
        cases.case_type,
        cases.domain,
        cases.division_code,
        cases.entity_uscc,
        cases.exclusion_reason,
        deadlines.clock_id,
        deadlines.valid_from,
        deadlines.length,
        deadlines.unit,
        deadlines.direction,
        deadlines.holder,
        deadlines.max_extension,
        deadlines.reset_event,
        deadlines.basis,
        deadlines.is_verified,
        events.order_no,
        events.occurred_on as trigger_on,
        events.occurred_at as trigger_at,
        events.delivery_id,
        events.received_on,
        events.source_sheet,
        events.source_row,
        min(events.order_no) over (
            partition by cases.source_id, cases.case_no, deadlines.clock_id
        ) as first_order_no
    from cases
    inner join deadlines
        on
            cases.case_type = deadlines.case_type
            and (cases.domain = deadlines.domain or deadlines.domain is null)
            and (cases.case_class = deadlines.case_class or deadlines.case_class is null)
    inner join events
        on
            cases.source_id = events.source_id
            and cases.case_no = events.case_no
            and deadlines.trigger_event = events.event_type
            and deadlines.valid_from <= events.occurred_on
            and (deadlines.valid_to > events.occurred_on or deadlines.valid_to is null)
),

started as (
    select * from triggered
    where order_no = first_order_no
),

resets as (
    select
        started.source_id,
        started.case_no,
        started.clock_id,
        max(events.order_no) as reset_order_no
    from started
    inner join events
        on
            started.source_id = events.source_id
            and started.case_no = events.case_no
            and started.reset_event = events.event_type
    group by 1, 2, 3
),

stops as (
    select
        started.source_id,
        started.case_no,
        started.clock_id,
        min(events.order_no) as stop_order_no
    from started
    inner join stop_events
        on
            started.clock_id = stop_events.clock_id
            and started.valid_from = stop_events.valid_from
    inner join events
        on
            started.source_id = events.source_id
            and started.case_no = events.case_no
            and stop_events.event_type = events.event_type
    left join resets
        on
            started.source_id = resets.source_id
            and started.case_no = resets.case_no
            and started.clock_id = resets.clock_id
    where
        events.order_no > started.order_no
        and events.order_no > coalesce(resets.reset_order_no, 0)
    group by 1, 2, 3
),

-- Due days that the case system states. Once one was moved after it had passed, no later counts;
-- a day that was met has not passed, and so a reopening may state a new one.
case_events as (
    select
        started.source_id,
        started.case_no,
        started.clock_id,
        events.order_no,
        events.occurred_on,
        events.due_on,
        events.is_legal and events.event_type = started.reset_event as is_reset,
        max(
            case
                when events.is_legal and stop_events.event_type is not null then events.order_no
            end
        ) over (
            partition by started.source_id, started.case_no, started.clock_id
            order by events.order_no
            rows between unbounded preceding and 1 preceding
        ) as stop_before
    from started
    inner join events
        on
            started.source_id = events.source_id
            and started.case_no = events.case_no
    left join stop_events
        on
            started.clock_id = stop_events.clock_id
            and started.valid_from = stop_events.valid_from
            and events.event_type = stop_events.event_type
    where started.unit = 'stated'
),

dated_events as (
    select
        *,
        lag(due_on) over (
            partition by source_id, case_no, clock_id order by order_no
        ) as due_before
    from case_events
    where due_on is not null
),

moved_days as (
    select
        dated_events.*,
        coalesce(
            dated_events.is_reset and stops_before.occurred_on <= dated_events.due_before, false
        ) as is_met_before
    from dated_events
    left join events as stops_before
        on
            dated_events.source_id = stops_before.source_id
            and dated_events.case_no = stops_before.case_no
            and dated_events.stop_before = stops_before.order_no
),

stated_days as (
    select
        *,
        min(
            case
                when due_on <> due_before and occurred_on > due_before and not is_met_before
                    then order_no
            end
        ) over (partition by source_id, case_no, clock_id) as too_late_order_no
    from moved_days
),

stated_orders as (
    select
        source_id,
        case_no,
        clock_id,
        min(order_no) as first_order_no,
        max(order_no) filter (
            where order_no < too_late_order_no or too_late_order_no is null
        ) as last_order_no,
        count(too_late_order_no) as too_late
    from stated_days
    group by 1, 2, 3
),

stated as (
    select
        stated_orders.source_id,
        stated_orders.case_no,
        stated_orders.clock_id,
        stated_orders.too_late,
        first_stated.due_on as first_due_on,
        last_stated.due_on as last_due_on
    from stated_orders
    inner join stated_days as first_stated
        on
            stated_orders.source_id = first_stated.source_id
            and stated_orders.case_no = first_stated.case_no
            and stated_orders.clock_id = first_stated.clock_id
            and stated_orders.first_order_no = first_stated.order_no
    inner join stated_days as last_stated
        on
            stated_orders.source_id = last_stated.source_id
            and stated_orders.case_no = last_stated.case_no
            and stated_orders.clock_id = last_stated.clock_id
            and stated_orders.last_order_no = last_stated.order_no
),

clock_runs as (
    select
        started.source_id,
        started.case_no,
        started.clock_id,
        started.case_type,
        started.domain,
        started.division_code,
        started.entity_uscc,
        started.exclusion_reason,
        started.trigger_on,
        started.trigger_at,
        stopping.occurred_on as stop_on,
        stopping.occurred_at as stop_at,
        stopping.event_type as stop_event,
        case when started.unit = 'stated' then stated.last_due_on end as stated_due_on,
        case
            when started.unit = 'stated'
                then coalesce(date_diff('day', stated.first_due_on, stated.last_due_on), 0)
        end as stated_extension,
        started.unit = 'stated' and coalesce(stated.too_late, 0) > 0 as is_stated_too_late,
        started.length,
        started.unit,
        started.direction,
        started.holder,
        started.max_extension,
        started.basis,
        started.is_verified,
        started.delivery_id,
        started.received_on,
        started.source_sheet,
        started.source_row
    from started
    left join stops
        on
            started.source_id = stops.source_id
            and started.case_no = stops.case_no
            and started.clock_id = stops.clock_id
    left join events as stopping
        on
            stops.source_id = stopping.source_id
            and stops.case_no = stopping.case_no
            and stops.stop_order_no = stopping.order_no
    left join stated
        on
            started.source_id = stated.source_id
            and started.case_no = stated.case_no
            and started.clock_id = stated.clock_id
)

select * from clock_runs
