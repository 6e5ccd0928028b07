-- One row per project of a quarter's roster and topic of special governance: inspected or not.
--
-- The roster is frozen: the first version of an entry counts, whatever is delivered later. Every
-- project is to be inspected for every topic within the quarter; any visit does, whatever it finds.
-- What is covered leads back to the row of its first visit, the rest to that of the roster.
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

visits as (
    select
        project_no,
        topic,
        cast(date_trunc('quarter', inspected_on) as date) as quarter_start,
        inspected_on,
        delivery_id,
        received_on,
        source_sheet,
        source_row,
        row_number() over (
            partition by project_no, topic, date_trunc('quarter', inspected_on)
            order by inspected_on, source_id, inspection_no
        ) as place,
        count(*) over (
            partition by project_no, topic, date_trunc('quarter', inspected_on)
        ) as inspections
    from inspections
),

visited as (
    select * from visits
    where place = 1
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
        visited.inspected_on as first_inspected_on,
        coalesce(visited.inspections, 0) as inspections,
        case when visited.project_no is null then 'fail' else 'pass' end as final_verdict,
        coalesce(visited.delivery_id, required.delivery_id) as delivery_id,
        coalesce(visited.received_on, required.received_on) as received_on,
        case
            when visited.project_no is null then required.source_sheet
            else visited.source_sheet
        end as source_sheet,
        coalesce(visited.source_row, required.source_row) as source_row
    from required
    left join visited
        on
            required.project_no = visited.project_no
            and required.topic = visited.topic
            and required.quarter_start = visited.quarter_start
)

select * from roster_topics
