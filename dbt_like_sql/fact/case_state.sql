-- One row per case: its state, what is known of it, and transitions that its type does not allow.
--
-- Of what events say about a case, the latest statement counts. A case is open until an event of
-- the main track ends it, and again after it was reopened. An event that its type does not let
-- stand where it does is told, and sets neither the state nor that a case leaves the rates.
with events as (
    select
        source_id,
        event_no,
        domain,
        coverage,
        case_class,
        severity,
        responsibility,
        channel,
        item_kind,
        return_month,
        reported_incidents,
        signed_by,
        units_affected,
        units_recovered,
        division_code,
        entity_name,
        entity_uscc,
        product_name,
        product_category,
        origin_country,
        case_text,
        related_case_no
    from latest.case_event
),

ordered_events as (
    select * from fact.case_event
),

build as (
    select * from meta.build
),

described as (
    select
        ordered_events.source_id,
        ordered_events.case_no,
        ordered_events.order_no,
        max(ordered_events.order_no) over whole_case as last_order_no,
        last_value(ordered_events.case_type) over whole_case as case_type,
        last_value(events.domain ignore nulls) over whole_case as domain,
        last_value(events.coverage ignore nulls) over whole_case as coverage,
        last_value(events.case_class ignore nulls) over whole_case as case_class,
        last_value(events.severity ignore nulls) over whole_case as severity,
        last_value(events.responsibility ignore nulls) over whole_case as responsibility,
        last_value(events.channel ignore nulls) over whole_case as channel,
        last_value(events.item_kind ignore nulls) over whole_case as item_kind,
        last_value(events.return_month ignore nulls) over whole_case as return_month,
        last_value(events.reported_incidents ignore nulls) over whole_case as reported_incidents,
        last_value(events.signed_by ignore nulls) over whole_case as signed_by,
        last_value(events.units_affected ignore nulls) over whole_case as units_affected,
        last_value(events.units_recovered ignore nulls) over whole_case as units_recovered,
        last_value(nullif(events.division_code, 'UNKNOWN') ignore nulls)
            over whole_case as division_code,
        last_value(events.entity_name ignore nulls) over whole_case as entity_name,
        last_value(events.entity_uscc ignore nulls) over whole_case as entity_uscc,
        last_value(events.product_name ignore nulls) over whole_case as product_name,
        last_value(events.product_category ignore nulls) over whole_case as product_category,
        last_value(events.origin_country ignore nulls) over whole_case as origin_country,
        last_value(events.case_text ignore nulls) over whole_case as case_text,
        last_value(events.related_case_no ignore nulls) over whole_case as related_case_no,
        last_value(ordered_events.due_on ignore nulls) over whole_case as due_on,
        ordered_events.delivery_id,
        ordered_events.received_on,
        ordered_events.source_sheet,
        ordered_events.source_row
    from ordered_events
    inner join events
        on
            ordered_events.source_id = events.source_id
            and ordered_events.event_no = events.event_no
    window whole_case as (
        partition by ordered_events.source_id, ordered_events.case_no
        order by ordered_events.order_no
        rows between unbounded preceding and unbounded following
    )
),

told as (
    select
        source_id,
        case_no,
        min(occurred_on) as opened_on,
        max(case when moves_state and track = 'main' and is_legal then order_no end)
            as state_order_no,
        count(*) as events,
        count(*) filter (where event_type = 'extension_approved') as extensions,
        count(*) filter (where event_type = 'reopened') as reopenings,
        count(*) filter (where not is_legal) as illegal_transitions,
        array_to_string(
            list_sort(
                list(
                    cast(occurred_on as varchar) || ': ' || event_type || ' after '
                    || coalesce(from_event, 'nothing')
                ) filter (where not is_legal and occurred_on is not null)
            ),
            '; '
        ) as illegal_text
    from ordered_events
    group by source_id, case_no
),

cases as (
    select
        described.source_id,
        described.case_no,
        described.case_type,
        described.domain,
        coalesce(described.coverage, 'UNSTATED') as coverage,
        described.case_class,
        told.opened_on,
        coalesce(states.event_type, 'UNKNOWN') as state,
        states.occurred_on as state_since,
        not coalesce(states.ends_case, false) as is_open,
        case when states.ends_case then states.occurred_on end as ended_on,
        case when states.leaves_rates then states.event_type end as exclusion_reason,
        told.events,
        told.extensions,
        told.reopenings,
        told.illegal_transitions,
        nullif(told.illegal_text, '') as illegal_text,
        described.due_on,
        described.severity,
        described.responsibility,
        described.channel,
        described.item_kind,
        described.return_month,
        described.reported_incidents,
        described.signed_by,
        described.units_affected,
        described.units_recovered,
        cast(described.units_recovered as double)
        / nullif(cast(described.units_affected as double), 0) as recovery_rate,
        coalesce(described.division_code, 'UNKNOWN') as division_code,
        described.entity_name,
        described.entity_uscc,
        described.product_name,
        described.product_category,
        described.origin_country,
        described.case_text,
        described.related_case_no,
        described.delivery_id,
        described.received_on,
        described.source_sheet,
        described.source_row,
        build.as_of
    from described
    inner join told
        on
            described.source_id = told.source_id
            and described.case_no = told.case_no
            and described.order_no = described.last_order_no
    left join ordered_events as states
        on
            told.source_id = states.source_id
            and told.case_no = states.case_no
            and told.state_order_no = states.order_no
    cross join build
)

select * from cases
