-- The events of each case in order, with the event before and whether the one may follow the other.
--
-- Events of a day without a time of day stand in the usual order of their case type. The event
-- before is the last one on the same track that moved the case; where the track begins, that of the
-- main track. Nothing is left out: an event that may not stand there is told as such.
with events as (
    select * from latest.case_event
),

steps as (
    select * from ref.case_step
),

transitions as (
    select * from ref.case_transition
),

numbered as (
    select
        events.*,
        coalesce(steps.track, 'unknown') as track,
        coalesce(steps.moves_state, false) as moves_state,
        coalesce(steps.ends_case, false) as ends_case,
        coalesce(steps.leaves_rates, false) as leaves_rates,
        row_number() over (
            partition by events.source_id, events.case_no
            order by
                events.occurred_on,
                coalesce(events.occurred_at, cast(events.occurred_on as timestamp)),
                coalesce(steps.position, 999),
                events.event_no
        ) as order_no
    from events
    left join steps
        on
            events.case_type = steps.case_type
            and events.event_type = steps.event_type
),

placed as (
    select
        *,
        max(case when moves_state and track = 'main' then order_no end) over (
            partition by source_id, case_no
            order by order_no
            rows between unbounded preceding and 1 preceding
        ) as main_before,
        max(case when moves_state then order_no end) over (
            partition by source_id, case_no, track
            order by order_no
            rows between unbounded preceding and 1 preceding
        ) as track_before
    from numbered
),

followed as (
    select
        placed.*,
        coalesce(earlier.event_type, '') as from_event
    from placed
    left join numbered as earlier
        on
            placed.source_id = earlier.source_id
            and placed.case_no = earlier.case_no
            and case
                when placed.moves_state then coalesce(placed.track_before, placed.main_before)
                else placed.main_before
            end = earlier.order_no
),

case_events as (
    select
        followed.source_id,
        followed.case_no,
        followed.event_no,
        followed.order_no,
        followed.case_type,
        followed.event_type,
        followed.occurred_on,
        followed.occurred_at,
        followed.track,
        followed.moves_state,
        followed.ends_case,
        followed.leaves_rates,
        nullif(followed.from_event, '') as from_event,
        transitions.event_type is not null as is_legal,
        followed.due_on,
        followed.clock_id,
        followed.extension,
        followed.actor,
        followed.delivery_id,
        followed.received_on,
        followed.source_sheet,
        followed.source_row
    from followed
    left join transitions
        on
            followed.case_type = transitions.case_type
            and followed.from_event = transitions.from_event
            and followed.event_type = transitions.event_type
)

select * from case_events
