-- One row per project of a quarter's roster and topic of special governance: inspected or not.
--
-- The roster is frozen: the first version of an entry counts, whatever is delivered later. Every
-- project is to be inspected for every topic within the quarter; any visit does, whatever it finds.
with roster as (
    select * from core.project_roster
    where version = 1
),

inspections as (
    select * from latest.site_inspection
    where topic is not null and project_no is not null
),

topics as (
    select * from ref.governance_topic
),

visited as (
    select
        project_no,
        topic,
        cast(date_trunc('quarter', inspected_on) as date) as quarter_start,
        min(inspected_on) as first_inspected_on,
        count(*) as inspections
    from inspections
    group by 1, 2, 3
),

required as (
    select
        roster.*,
        topics.code as topic,
        cast(
            split_part(roster.quarter, 'Q', 1) || '-'
            || lpad(
                cast(cast(split_part(roster.quarter, 'Q', 2) as integer) * 3 - 2 as varchar), 2, '0'
            )
            || '-01' as date
        ) as quarter_start
    from roster
    cross join topics
),

roster_topics as (
    select
        required.source_id,
        required.quarter || '/' || required.project_no || '/' || required.topic as unit_no,
        required.quarter,
        required.project_no,
        required.topic,
        required.domain,
        required.programme,
        required.sampling_basis,
        coalesce(required.coverage, 'UNSTATED') as coverage,
        required.quarter_start,
        coalesce(required.division_code, 'UNKNOWN') as division_code,
        required.entity_uscc,
        visited.first_inspected_on,
        coalesce(visited.inspections, 0) as inspections,
        case when visited.project_no is null then 'fail' else 'pass' end as final_verdict,
        required.delivery_id,
        required.received_on,
        required.source_sheet,
        required.source_row
    from required
    left join visited
        on
            required.project_no = visited.project_no
            and required.topic = visited.topic
            and required.quarter_start = visited.quarter_start
)

select * from roster_topics
