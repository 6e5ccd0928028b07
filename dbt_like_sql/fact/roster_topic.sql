-- One row per project of a quarter's roster and topic of special governance: inspected or not.
--
-- The roster of a quarter is frozen as a whole: it is what was known on the day of its freezing or,
-- where it came only afterwards, on the day on which the first of it was received. What is received
-- later changes no entry, and a project that joins later is told, but was not on it (is_on_roster).
-- Every project is to be inspected for every topic within the quarter; any visit does, whatever it
-- finds. What is covered leads back to the row of its first visit, the rest to that of the roster.
with entries as (
    select * from core.project_roster
),

inspections as (
    select * from latest.site_inspection
    where topic is not null and project_no is not null
),

topics as (
    select * from ref.governance_topic
),

first_receipts as (
    select
        source_id,
        quarter,
        min(received_on) as received_on
    from entries
    group by source_id, quarter
),

closings as (
    select
        first_receipts.source_id,
        first_receipts.quarter,
        case
            when min(entries.frozen_on) > min(entries.received_on) then min(entries.frozen_on)
            else min(entries.received_on)
        end as closed_on
    from first_receipts
    inner join entries
        on
            first_receipts.source_id = entries.source_id
            and first_receipts.quarter = entries.quarter
            and first_receipts.received_on = entries.received_on
    group by 1, 2
),

dated_entries as (
    select
        entries.*,
        entries.received_on <= closings.closed_on as is_on_roster
    from entries
    inner join closings
        on
            entries.source_id = closings.source_id
            and entries.quarter = closings.quarter
),

-- Of an entry the last version before the closing; of one that joined later, its first.
chosen_versions as (
    select
        source_id,
        quarter,
        project_no,
        coalesce(max(version) filter (where is_on_roster), min(version)) as version
    from dated_entries
    group by source_id, quarter, project_no
),

roster as (
    select dated_entries.*
    from dated_entries
    inner join chosen_versions
        on
            dated_entries.source_id = chosen_versions.source_id
            and dated_entries.quarter = chosen_versions.quarter
            and dated_entries.project_no = chosen_versions.project_no
            and dated_entries.version = chosen_versions.version
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
        required.is_on_roster,
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
