-- One row per case and step that its type has: done, not used, missing or still to come.
--
-- A step without an event is not passed over: an optional one is marked as not used, one that the
-- case type asks for as missing, as soon as a later step of its track was done or the case is over.
with cases as (
    select * from fact.case_state
),

events as (
    select * from fact.case_event
),

steps as (
    select * from ref.case_step
),

done as (
    select
        source_id,
        case_no,
        event_type,
        min(occurred_on) as first_on,
        max(occurred_on) as last_on,
        count(*) as events
    from events
    group by 1, 2, 3
),

reached as (
    select
        done.source_id,
        done.case_no,
        steps.track,
        max(steps.position) as last_position
    from done
    inner join cases
        on
            done.source_id = cases.source_id
            and done.case_no = cases.case_no
    inner join steps
        on
            cases.case_type = steps.case_type
            and done.event_type = steps.event_type
    where steps.moves_state and not steps.leaves_rates
    group by 1, 2, 3
),

case_steps as (
    select
        cases.source_id,
        cases.case_no,
        cases.case_type,
        steps.event_type,
        steps.position,
        steps.track,
        steps.is_optional,
        case
            when done.events is not null then 'done'
            when
                cases.is_open
                and (reached.last_position < steps.position or reached.last_position is null)
                then 'pending'
            when steps.is_optional or steps.ends_case then 'not_used'
            when cases.exclusion_reason is not null or cases.state = 'refused' then 'not_used'
            else 'missing'
        end as step_state,
        done.first_on,
        done.last_on,
        coalesce(done.events, 0) as events,
        cases.as_of
    from cases
    inner join steps
        on cases.case_type = steps.case_type
    left join done
        on
            cases.source_id = done.source_id
            and cases.case_no = done.case_no
            and steps.event_type = done.event_type
    left join reached
        on
            cases.source_id = reached.source_id
            and cases.case_no = reached.case_no
            and steps.track = reached.track
)

select * from case_steps
