-- One row per unit and month for which a return of incidents is owed or was signed.
--
-- Of several returns of a unit for a month, the one that was signed last counts. It is compared
-- with what is on record of the unit's own incidents. An incident that is on record without a unit
-- matches no return; while its grade or responsibility is open, every unit's month is open.
with cases as (
    select * from fact.case_state
),

severities as (
    select * from ref.incident_severity
),

return_units as (
    select * from ref.return_unit
    where indicator_id = 'major_quality_incident_count'
),

days as (
    select * from ref.calendar_day
),

build as (
    select * from meta.build
),

placed as (
    select distinct division_code
    from return_units
),

incidents as (
    select
        cases.division_code,
        cast(date_trunc('month', cases.opened_on) as date) as month_start,
        severities.is_major is null
        or cases.responsibility is null
        or cases.responsibility = 'undetermined' as is_undetermined,
        placed.division_code is not null as is_placed
    from cases
    left join severities
        on cases.severity = severities.code
    left join placed
        on cases.division_code = placed.division_code
    where
        cases.case_type = 'incident'
        and cases.exclusion_reason is null
        and coalesce(severities.is_major, 'true') = 'true'
        and coalesce(cases.responsibility, 'undetermined') <> 'none'
),

recorded as (
    select
        division_code,
        month_start,
        count(*) filter (where not is_undetermined) as recorded,
        count(*) filter (where is_undetermined) as undetermined
    from incidents
    group by 1, 2
),

unplaced as (
    select
        month_start,
        count(*) as undetermined
    from incidents
    where is_undetermined and not is_placed
    group by 1
),

signed as (
    select
        source_id,
        case_no,
        domain,
        coverage,
        division_code,
        return_month,
        cast(return_month || '-01' as date) as month_start,
        reported_incidents,
        signed_by,
        opened_on as signed_on,
        delivery_id,
        received_on,
        source_sheet,
        source_row
    from cases
    where case_type = 'incident_return' and exclusion_reason is null and return_month is not null
    qualify
        row_number() over (
            partition by division_code, return_month
            order by opened_on desc, received_on desc, source_id desc, case_no desc
        ) = 1
),

months as (
    select
        min(days.day) as month_start,
        max(days.day) as month_end
    from days
    group by days.month_no
),

owed as (
    select
        return_units.division_code,
        months.month_start
    from return_units
    cross join build
    inner join months
        on
            return_units.valid_from <= months.month_start
            and (return_units.valid_to > months.month_start or return_units.valid_to is null)
            and build.as_of >= months.month_end
),

-- Signed or owed, both in most cases.
expected as (
    select
        division_code,
        month_start
    from owed
    union distinct
    select
        division_code,
        month_start
    from signed
),

compared as (
    select
        expected.division_code,
        expected.month_start,
        owed.division_code is not null as is_owed,
        signed.source_id,
        signed.case_no,
        signed.domain,
        signed.coverage,
        signed.signed_on,
        signed.signed_by,
        signed.reported_incidents,
        coalesce(recorded.recorded, 0) as recorded_incidents,
        coalesce(recorded.undetermined, 0)
        + coalesce(unplaced.undetermined, 0) as undetermined_incidents,
        greatest(signed.reported_incidents - coalesce(recorded.recorded, 0), 0)
            as unmatched_incidents,
        signed.delivery_id,
        signed.received_on,
        signed.source_sheet,
        signed.source_row
    from expected
    left join owed
        on
            expected.division_code = owed.division_code
            and expected.month_start = owed.month_start
    left join signed
        on
            expected.division_code = signed.division_code
            and expected.month_start = signed.month_start
    left join recorded
        on
            expected.division_code = recorded.division_code
            and expected.month_start = recorded.month_start
    left join unplaced
        on expected.month_start = unplaced.month_start
),

incident_returns as (
    select
        division_code,
        month_start,
        is_owed,
        case
            when case_no is null then 'missing'
            when unmatched_incidents > 0 then 'reports_more'
            when undetermined_incidents > 0 then 'undetermined'
            when not is_owed then 'not_owed'
            when reported_incidents < recorded_incidents then 'reports_less'
            else 'agrees'
        end as status,
        source_id,
        case_no,
        domain,
        coverage,
        signed_on,
        signed_by,
        reported_incidents,
        recorded_incidents,
        undetermined_incidents,
        unmatched_incidents,
        count(case_no) over () > 0 as are_returns_delivered,
        delivery_id,
        received_on,
        source_sheet,
        source_row
    from compared
)

select * from incident_returns
