-- One row per object on the roster of a draw, drawn or not: which firm it is, and its credit class.
--
-- A draw knows objects by their number only. The firm is the one that the visit names, else the one
-- that has the number on the roster of objects on the day of the draw, else the number itself where
-- that is a credit code. The credit class is that of the day of the draw: what was rated later did
-- not steer it.
with draws as (
    select * from latest.draw
),

draw_objects as (
    select * from latest.draw_object
),

inspections as (
    select * from latest.site_inspection
    where draw_no is not null and entity_uscc is not null
),

roster_entries as (
    select * from latest.inspection_object
),

credit_periods as (
    select * from fact.credit_period
),

registered as (
    select
        *,
        lead(valid_from) over (partition by source_id, unit_id order by valid_from) as next_from
    from roster_entries
),

visited as (
    select
        draw_no,
        unit_id,
        min(entity_uscc) as entity_uscc
    from inspections
    group by 1, 2
),

objects as (
    select
        draw_objects.source_id,
        draw_objects.draw_no,
        draw_objects.unit_id,
        draws.drawn_on,
        visited.entity_uscc as visited_uscc,
        registered.entity_uscc as registered_uscc,
        regexp_extract(
            draw_objects.unit_id, '^[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}$', 0
        ) as number_uscc
    from draw_objects
    inner join draws
        on
            draw_objects.source_id = draws.source_id
            and draw_objects.draw_no = draws.draw_no
    left join visited
        on
            draw_objects.draw_no = visited.draw_no
            and draw_objects.unit_id = visited.unit_id
    left join registered
        on
            draw_objects.unit_id = registered.unit_id
            and draws.drawn_on >= registered.valid_from
            and (registered.valid_to is null or draws.drawn_on < registered.valid_to)
            and (registered.next_from is null or draws.drawn_on < registered.next_from)
    qualify
        row_number() over (
            partition by draw_objects.source_id, draw_objects.draw_no, draw_objects.unit_id
            order by registered.received_on desc, registered.entity_uscc asc
        ) = 1
),

named as (
    select
        source_id,
        draw_no,
        unit_id,
        drawn_on,
        coalesce(visited_uscc, registered_uscc, nullif(number_uscc, '')) as entity_uscc,
        case
            when visited_uscc is not null then 'visit'
            when registered_uscc is not null then 'roster'
            when number_uscc <> '' then 'number'
            else 'none'
        end as firm_known_by
    from objects
),

draw_object_firms as (
    select
        named.source_id,
        named.draw_no,
        named.unit_id,
        named.drawn_on,
        named.entity_uscc,
        named.firm_known_by,
        case
            when named.entity_uscc is null then 'UNKNOWN'
            else coalesce(credit_periods.credit_class, 'UNRATED')
        end as credit_class
    from named
    left join credit_periods
        on
            named.entity_uscc = credit_periods.entity_uscc
            and named.drawn_on >= credit_periods.valid_from
            and (credit_periods.valid_to is null or named.drawn_on < credit_periods.valid_to)
)

select * from draw_object_firms
