-- One row per defect found at a construction project, and how its closure stands.
--
-- A defect is closed when the authority has verified its correction; where a source never says
-- that, when it was corrected. The due day is the one of the notice of correction; without one
-- nothing is judged.
with findings as (
    select * from latest.inspection_finding
),

visits as (
    select * from latest.site_inspection
    where domain = 'construction'
),

build as (
    select * from meta.build
),

verifying_sources as (
    select distinct source_id
    from findings
    where verified_on is not null
),

placed as (
    select
        findings.source_id,
        findings.inspection_no,
        findings.finding_no,
        visits.project_no,
        visits.programme,
        visits.inspected_on as found_on,
        coalesce(visits.facility_type, 'UNSTATED') as project_category,
        coalesce(visits.division_code, 'UNKNOWN') as division_code,
        visits.entity_uscc,
        findings.finding_text,
        findings.severity,
        findings.due_on,
        findings.corrected_on,
        findings.verified_on,
        case
            when verifying_sources.source_id is not null then findings.verified_on
            else findings.corrected_on
        end as closed_on,
        case
            when verifying_sources.source_id is not null then 'verified' else 'corrected'
        end as closed_when,
        findings.delivery_id,
        findings.received_on,
        findings.source_sheet,
        findings.source_row
    from findings
    inner join visits
        on
            findings.source_id = visits.source_id
            and findings.inspection_no = visits.inspection_no
    left join verifying_sources
        on findings.source_id = verifying_sources.source_id
),

site_defects as (
    select
        placed.*,
        case
            when placed.due_on is null then 'not_judged'
            when placed.closed_on <= placed.due_on then 'on_time'
            when placed.closed_on is not null then 'late'
            when placed.due_on >= build.as_of then 'open_in_time'
            else 'open_overdue'
        end as closure_status,
        case
            when placed.due_on is not null
                then greatest(
                    date_diff('day', placed.due_on, coalesce(placed.closed_on, build.as_of)), 0
                )
        end as days_over
    from placed
    cross join build
)

select * from site_defects
