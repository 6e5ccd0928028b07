-- Incidents, and the signed returns without which no incident would mean nothing, as units.
--
-- A major incident with direct supervisory responsibility fails. The return of a unit for a month
-- passes where it reports no more than is on record; where it reports more, what is not on record
-- fails with it. While responsibility for a major incident is open, the month is not reported.
with incidents as (
    select * from fact.case_state
    where case_type = 'incident'
),

returns as (
    select * from fact.incident_return
    where case_no is not null
),

severities as (
    select * from ref.incident_severity
),

graded as (
    select
        incidents.*,
        case
            when incidents.exclusion_reason is not null then incidents.exclusion_reason
            when severities.is_major = 'false' then 'not_major'
            when incidents.responsibility = 'none' then 'no_direct_responsibility'
            when severities.is_major is null or incidents.responsibility is null
                then 'undetermined'
            when incidents.responsibility = 'undetermined' then 'undetermined'
        end as trait
    from incidents
    left join severities
        on incidents.severity = severities.code
),

incident_units as (
    select
        source_id,
        case_no as unit_no,
        domain,
        case_type as programme,
        coverage,
        opened_on as counted_on,
        division_code,
        coalesce(severity, 'UNSTATED') as product_category,
        entity_uscc,
        trait,
        1 as size,
        case when trait is null then 'fail' end as final_verdict,
        delivery_id,
        received_on,
        source_sheet,
        source_row
    from graded
),

return_units as (
    select
        source_id,
        case_no as unit_no,
        domain,
        'incident_return' as programme,
        coverage,
        month_start as counted_on,
        division_code,
        'return' as product_category,
        cast(null as varchar) as entity_uscc,
        case when status in ('undetermined', 'not_owed') then status end as trait,
        greatest(unmatched_incidents, 1) as size,
        case
            when status = 'reports_more' then 'fail'
            when status in ('agrees', 'reports_less') then 'pass'
        end as final_verdict,
        delivery_id,
        received_on,
        source_sheet,
        source_row
    from returns
),

all_units as (
    select * from incident_units
    union all
    select * from return_units
),

units as (
    select
        'incident' as unit_kind,
        source_id,
        unit_no,
        domain,
        programme,
        'census' as sampling_basis,
        coverage,
        counted_on,
        division_code,
        product_category,
        'UNSTATED' as industry_division,
        'UNSTATED' as link,
        entity_uscc,
        entity_uscc as firm_uscc,
        cast(null as boolean) as supervised,
        trait,
        size,
        cast(null as varchar) as assessed_period,
        final_verdict,
        'reported' as verdict_basis,
        cast(null as varchar) as recheck_no,
        false as is_recheck,
        delivery_id,
        received_on,
        source_sheet,
        source_row
    from all_units
)

select * from units
