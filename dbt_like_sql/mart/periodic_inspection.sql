-- Inspections at intervals by kind of equipment and year in which they were due.
--
-- Due are those whose last day has come, and those made already. Overdue is what was made after its
-- last day, or was not made when that day had passed. A census: there is no sampling interval.
with inspections as (
    select * from latest.periodic_inspection
),

build as (
    select * from meta.build
),

judged as (
    select
        inspections.equipment_kind,
        cast(extract(year from inspections.due_on) as varchar) as period,
        inspections.division_code,
        inspections.equipment_no,
        case when inspections.inspected_on is not null then 1 else 0 end as inspected,
        case when inspections.inspected_on <= inspections.due_on then 1 else 0 end as on_time,
        case when inspections.inspected_on > inspections.due_on then 1 else 0 end as late,
        case
            when inspections.inspected_on is null and inspections.due_on < build.as_of then 1 else 0
        end as open_overdue,
        case
            when inspections.inspected_on is null and inspections.due_on >= build.as_of then 1
            else 0
        end as not_due_yet,
        case
            when inspections.first_verdict in ('pass', 'conditional', 'fail') then 1 else 0
        end as judged_first,
        case when inspections.first_verdict = 'pass' then 1 else 0 end as passed_first,
        inspections.service_events,
        build.as_of
    from inspections
    cross join build
),

counts as (
    select
        equipment_kind,
        period,
        case when grouping(division_code) = 1 then 'ALL' else division_code end as division_code,
        count(distinct equipment_no) as equipment,
        sum(inspected) as inspected,
        sum(on_time) as on_time,
        sum(late) as late,
        sum(open_overdue) as open_overdue,
        sum(not_due_yet) as not_due_yet,
        sum(judged_first) as judged_first,
        sum(passed_first) as passed_first,
        coalesce(sum(service_events), 0) as service_events,
        count(service_events) as with_service_events_counted,
        max(as_of) as as_of
    from judged
    group by equipment_kind, period, rollup (division_code)
),

periodic_inspections as (
    select
        equipment_kind,
        period,
        division_code,
        equipment,
        inspected + open_overdue as due,
        inspected,
        on_time,
        late,
        open_overdue,
        not_due_yet,
        cast(inspected as double) / nullif(inspected + open_overdue, 0) as coverage_rate,
        cast(late + open_overdue as double) / nullif(inspected + open_overdue, 0) as overdue_rate,
        judged_first,
        passed_first,
        cast(passed_first as double) / nullif(judged_first, 0) as first_pass_rate,
        service_events,
        cast(service_events as double)
        / nullif(with_service_events_counted, 0) as events_per_equipment,
        as_of
    from counts
)

select * from periodic_inspections
