-- Inspections of construction projects by mode, period and kind of project, and how the defects
-- that they found were closed.
--
-- Everything is counted in the period of the visit. A defect counts for the rate once it is closed
-- or its due day has passed.
with visits as (
    select * from latest.site_inspection
    where domain = 'construction'
),

defects as (
    select * from fact.site_defect
),

build as (
    select * from meta.build
),

defect_counts as (
    select
        source_id,
        inspection_no,
        count(*) as defects,
        count(*) filter (where closure_status = 'on_time') as closed_on_time,
        count(*) filter (where closure_status = 'late') as closed_late,
        count(*) filter (where closure_status = 'open_overdue') as open_overdue,
        count(*) filter (where closure_status = 'open_in_time') as open_in_time,
        count(*) filter (where closure_status = 'not_judged') as not_judged
    from defects
    group by source_id, inspection_no
),

counted as (
    select
        visits.programme,
        coalesce(visits.facility_type, 'UNSTATED') as project_category,
        cast(extract(year from visits.inspected_on) as varchar) as year,
        cast(extract(year from visits.inspected_on) as varchar)
        || 'Q' || cast(extract(quarter from visits.inspected_on) as varchar) as quarter,
        visits.project_no,
        visits.announced,
        coalesce(defect_counts.defects, 0) as defects,
        coalesce(defect_counts.closed_on_time, 0) as closed_on_time,
        coalesce(defect_counts.closed_late, 0) as closed_late,
        coalesce(defect_counts.open_overdue, 0) as open_overdue,
        coalesce(defect_counts.open_in_time, 0) as open_in_time,
        coalesce(defect_counts.not_judged, 0) as not_judged
    from visits
    left join defect_counts
        on
            visits.source_id = defect_counts.source_id
            and visits.inspection_no = defect_counts.inspection_no
),

by_period as (
    select
        'year' as period_type,
        counted.year as period,
        counted.*
    from counted
    union all
    select
        'quarter' as period_type,
        counted.quarter as period,
        counted.*
    from counted
),

sums as (
    select
        period_type,
        period,
        programme,
        case when grouping(project_category) = 1 then 'ALL' else project_category end
            as project_category,
        count(*) as visits,
        count(distinct project_no) as projects,
        count(*) filter (where announced = false) as unannounced_visits,
        count(*) filter (where defects > 0) as visits_with_defects,
        sum(defects) as defects,
        sum(closed_on_time) as closed_on_time,
        sum(closed_late) as closed_late,
        sum(open_overdue) as open_overdue,
        sum(open_in_time) as open_in_time,
        sum(not_judged) as not_judged
    from by_period
    group by period_type, period, programme, rollup (project_category)
),

inspection_modes as (
    select
        sums.period_type,
        sums.period,
        sums.programme,
        sums.project_category,
        sums.visits,
        sums.projects,
        sums.unannounced_visits,
        sums.visits_with_defects,
        sums.defects,
        sums.closed_on_time,
        sums.closed_late,
        sums.open_overdue,
        sums.open_in_time,
        sums.not_judged,
        sums.closed_on_time + sums.closed_late + sums.open_overdue as due,
        cast(sums.closed_on_time as double)
        / nullif(sums.closed_on_time + sums.closed_late + sums.open_overdue, 0) as on_time_rate,
        build.as_of
    from sums
    cross join build
)

select * from inspection_modes
