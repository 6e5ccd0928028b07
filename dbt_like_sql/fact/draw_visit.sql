-- One row per object that a draw chose, replacements included: who was to come, who came, what was
-- found, and whether that was published in time.
--
-- A visit names its draw and object; the first visit counts. The clock of publication starts when
-- the inspection is finished (where that is not said, on the day of the visit) and counts working
-- days of the loaded calendar. The first two keys of the log may have been passed over; who came
-- is compared with who is assigned there.
with draws as (
    select * from latest.draw
),

chosen as (
    select * from latest.draw_object
    where status <> 'not_drawn'
),

object_firms as (
    select * from fact.draw_object_firm
),

roster_inspectors as (
    select * from latest.draw_inspector
),

assignments as (
    select * from latest.draw_assignment
),

inspections as (
    select * from latest.site_inspection
    where draw_no is not null
),

results as (
    select * from ref.draw_result
),

bases as (
    select * from ref.sampling_basis
),

deadlines as (
    select * from ref.deadline
    where clock_id = 'double_random_publish'
),

days as (
    select * from ref.calendar_day
),

build as (
    select * from meta.build
),

barred as (
    select
        source_id,
        draw_no,
        inspector_id,
        ';' || conflicts || ';' as units
    from roster_inspectors
),

first_visits as (
    select
        source_id,
        inspection_no,
        draw_no,
        unit_id,
        sampling_basis,
        inspected_on,
        finished_on,
        first_inspector_id,
        second_inspector_id,
        result_code,
        published_on,
        coalesce(finished_on, inspected_on) as trigger_on
    from inspections
    qualify
        row_number() over (
            partition by draw_no, unit_id order by inspected_on, source_id, inspection_no
        ) = 1
),

came as (
    select
        draw_no,
        unit_id,
        first_inspector_id as inspector_id
    from first_visits
    where first_inspector_id is not null
    union distinct
    select
        draw_no,
        unit_id,
        second_inspector_id as inspector_id
    from first_visits
    where second_inspector_id is not null
),

assigned as (
    select
        source_id,
        draw_no,
        unit_id,
        inspector_id
    from assignments
    where outcome = 'assigned'
),

assigned_counts as (
    select
        source_id,
        draw_no,
        unit_id,
        count(*) filter (where outcome = 'assigned') as inspectors_drawn,
        count(*) filter (where outcome <> 'assigned') as inspectors_passed_over
    from assignments
    group by source_id, draw_no, unit_id
),

came_counts as (
    select
        chosen.source_id,
        chosen.draw_no,
        chosen.unit_id,
        count(*) as inspectors_came,
        count(*) filter (where assigned.inspector_id is null) as inspectors_unlogged
    from chosen
    inner join came
        on
            chosen.draw_no = came.draw_no
            and chosen.unit_id = came.unit_id
    left join assigned
        on
            chosen.source_id = assigned.source_id
            and chosen.draw_no = assigned.draw_no
            and chosen.unit_id = assigned.unit_id
            and came.inspector_id = assigned.inspector_id
    group by 1, 2, 3
),

conflict_counts as (
    select
        chosen.source_id,
        chosen.draw_no,
        chosen.unit_id,
        count(*) as conflicts_declared,
        count(*) filter (
            where assigned.inspector_id is not null or came.inspector_id is not null
        ) as conflicts_broken
    from chosen
    inner join barred
        on
            chosen.source_id = barred.source_id
            and chosen.draw_no = barred.draw_no
            and replace(barred.units, ';' || chosen.unit_id || ';', '') <> barred.units
    left join assigned
        on
            chosen.source_id = assigned.source_id
            and chosen.draw_no = assigned.draw_no
            and chosen.unit_id = assigned.unit_id
            and barred.inspector_id = assigned.inspector_id
    left join came
        on
            chosen.draw_no = came.draw_no
            and chosen.unit_id = came.unit_id
            and barred.inspector_id = came.inspector_id
    group by 1, 2, 3
),

publication_days as (
    select
        first_visits.draw_no,
        first_visits.unit_id,
        deadlines.is_verified,
        due_days.day as due_on
    from first_visits
    inner join deadlines
        on
            first_visits.trigger_on >= deadlines.valid_from
            and (first_visits.trigger_on < deadlines.valid_to or deadlines.valid_to is null)
    left join days as trigger_days
        on first_visits.trigger_on = trigger_days.day
    left join days as due_days
        on
            trigger_days.working_day_no + deadlines.length = due_days.working_day_no
            and due_days.is_working_day
),

draw_visits as (
    select
        chosen.source_id,
        chosen.draw_no,
        chosen.unit_id,
        chosen.risk_class,
        chosen.category,
        chosen.division_code,
        chosen.stratum,
        chosen.stratum_size,
        chosen.stratum_drawn,
        chosen.inclusion_probability,
        coalesce(
            draw_bases.estimates_population = 'true'
            and (
                first_visits.inspection_no is null
                or visit_bases.estimates_population = 'true'
            ),
            false
        ) as is_random,
        chosen.status,
        chosen.replaces,
        chosen.replacement_reason,
        draws.drawn_on,
        object_firms.entity_uscc,
        coalesce(object_firms.credit_class, 'UNKNOWN') as credit_class,
        coalesce(assigned_counts.inspectors_drawn, 0) as inspectors_drawn,
        coalesce(assigned_counts.inspectors_passed_over, 0) as inspectors_passed_over,
        coalesce(conflict_counts.conflicts_declared, 0) as conflicts_declared,
        coalesce(conflict_counts.conflicts_broken, 0) as conflicts_broken,
        first_visits.source_id as visit_source_id,
        first_visits.inspection_no,
        first_visits.inspected_on,
        first_visits.finished_on,
        case
            when first_visits.inspection_no is not null
                then coalesce(came_counts.inspectors_came, 0)
        end as inspectors_came,
        case
            when first_visits.inspection_no is not null
                then coalesce(came_counts.inspectors_unlogged, 0)
        end as inspectors_unlogged,
        first_visits.result_code,
        results.finding,
        first_visits.published_on,
        publication_days.due_on as publication_due_on,
        case
            when first_visits.inspection_no is null then null
            when publication_days.due_on is null then 'not_judged'
            when first_visits.published_on <= publication_days.due_on then 'on_time'
            when first_visits.published_on is not null then 'late'
            when publication_days.due_on >= build.as_of then 'open_in_time'
            else 'open_overdue'
        end as publication_status,
        publication_days.is_verified as publication_clock_is_verified,
        chosen.delivery_id,
        chosen.received_on,
        chosen.source_sheet,
        chosen.source_row
    from chosen
    cross join build
    inner join draws
        on
            chosen.source_id = draws.source_id
            and chosen.draw_no = draws.draw_no
    left join object_firms
        on
            chosen.source_id = object_firms.source_id
            and chosen.draw_no = object_firms.draw_no
            and chosen.unit_id = object_firms.unit_id
    left join first_visits
        on
            chosen.draw_no = first_visits.draw_no
            and chosen.unit_id = first_visits.unit_id
    left join assigned_counts
        on
            chosen.source_id = assigned_counts.source_id
            and chosen.draw_no = assigned_counts.draw_no
            and chosen.unit_id = assigned_counts.unit_id
    left join came_counts
        on
            chosen.source_id = came_counts.source_id
            and chosen.draw_no = came_counts.draw_no
            and chosen.unit_id = came_counts.unit_id
    left join conflict_counts
        on
            chosen.source_id = conflict_counts.source_id
            and chosen.draw_no = conflict_counts.draw_no
            and chosen.unit_id = conflict_counts.unit_id
    left join publication_days
        on
            chosen.draw_no = publication_days.draw_no
            and chosen.unit_id = publication_days.unit_id
    left join results
        on first_visits.result_code = results.code
    left join bases as draw_bases
        on draws.sampling_basis = draw_bases.code
    left join bases as visit_bases
        on first_visits.sampling_basis = visit_bases.code
)

select * from draw_visits
