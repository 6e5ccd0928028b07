-- The events of each case in order, with the event before and whether the one may follow the other.
--
-- Events of a day without a time of day stand in the usual order of their case type. The event
-- before is the last one on the same track that moved the case; where the track begins, that of the
-- main track. Nothing is left out: an event that may not stand there is told as such. Once a case
-- has ended, what may not follow that end moves nothing: the end stays the event before, until an
-- event comes that may follow it, such as a reopening.
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

-- As if every event had moved the case, legal or not.
followed as (
    select
        placed.*,
        coalesce(placed.track = 'main' and placed.ends_case, false)
        and transitions.event_type is not null as is_end
    from placed
    left join numbered as earlier
        on
            placed.source_id = earlier.source_id
            and placed.case_no = earlier.case_no
            and placed.main_before = earlier.order_no
    left join transitions
        on
            placed.case_type = transitions.case_type
            and coalesce(earlier.event_type, '') = transitions.from_event
            and placed.event_type = transitions.event_type
),

after_ends as (
    select
        *,
        max(case when is_end then order_no end) over (
            partition by source_id, case_no
            order by order_no
            rows between unbounded preceding and 1 preceding
        ) as end_before
    from followed
),

-- A case that ended goes on with an event of its main track that may follow that end.
resumed as (
    select
        after_ends.*,
        case
            when
                after_ends.moves_state
                and after_ends.track = 'main'
                and transitions.event_type is not null
                then 1
            else 0
        end as resumes
    from after_ends
    left join numbered as ends
        on
            after_ends.source_id = ends.source_id
            and after_ends.case_no = ends.case_no
            and after_ends.end_before = ends.order_no
    left join transitions
        on
            after_ends.case_type = transitions.case_type
            and ends.event_type = transitions.from_event
            and after_ends.event_type = transitions.event_type
),

stretches as (
    select
        *,
        sum(resumes) over (
            partition by source_id, case_no
            order by order_no
            rows between unbounded preceding and current row
        ) as stretch
    from resumed
),

first_ends as (
    select
        source_id,
        case_no,
        stretch,
        min(order_no) as order_no
    from stretches
    where is_end
    group by source_id, case_no, stretch
),

standing as (
    select
        stretches.*,
        coalesce(first_ends.order_no, stretches.main_before) as state_before
    from stretches
    left join first_ends
        on
            stretches.source_id = first_ends.source_id
            and stretches.case_no = first_ends.case_no
            and stretches.stretch - stretches.resumes = first_ends.stretch
            and stretches.order_no > first_ends.order_no
),

named as (
    select
        standing.*,
        coalesce(earlier.event_type, '') as from_event
    from standing
    left join numbered as earlier
        on
            standing.source_id = earlier.source_id
            and standing.case_no = earlier.case_no
            and case
                when standing.moves_state and standing.track <> 'main'
                    then coalesce(standing.track_before, standing.state_before)
                else standing.state_before
            end = earlier.order_no
),

case_events as (
    select
        named.source_id,
        named.case_no,
        named.event_no,
        named.order_no,
        named.case_type,
        named.event_type,
        named.occurred_on,
        named.occurred_at,
        named.track,
        named.moves_state,
        named.ends_case,
        named.leaves_rates,
        nullif(named.from_event, '') as from_event,
        transitions.event_type is not null as is_legal,
        named.due_on,
        named.clock_id,
        named.extension,
        named.actor,
        named.delivery_id,
        named.received_on,
        named.source_sheet,
        named.source_row
    from named
    left join transitions
        on
            named.case_type = transitions.case_type
            and named.from_event = transitions.from_event
            and named.event_type = transitions.event_type
)

select * from case_events
