-- Incidents, and the signed returns without which no incident would mean nothing, as units.
--
-- A major incident with direct supervisory responsibility fails. The return of a month passes where
-- it agrees with the incidents on record; where it reports more, what is not on record fails with
-- it. While responsibility for a major incident is open, the month is not reported.
with incidents as (
    select * from fact.case_state
    where case_type = 'incident'
),

returns as (
    select
        source_id,
        case_no,
        domain,
        coverage,
        return_month,
        reported_incidents,
        division_code,
        opened_on,
        delivery_id,
        received_on,
        source_sheet,
        source_row
    from fact.case_state
    where
        case_type = 'incident_return'
        and exclusion_reason is null
        and return_month is not null
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
        end as trait,
        cast(extract(year from incidents.opened_on) as varchar) || '-'
        || lpad(cast(extract(month from incidents.opened_on) as varchar), 2, '0') as month
    from incidents
    left join severities
        on incidents.severity = severities.code
),

months as (
    select
        month,
        count(*) filter (where trait is null) as counted,
        count(*) filter (where trait = 'undetermined') as undetermined
    from graded
    group by month
),

-- One return per month: the one that was signed last.
last_returns as (
    select
        *,
        row_number() over (
            partition by return_month
            order by opened_on desc, received_on desc, source_id desc, case_no desc
        ) as recency
    from returns
),

compared as (
    select
        last_returns.*,
        greatest(last_returns.reported_incidents - coalesce(months.counted, 0), 0) as unmatched,
        coalesce(months.undetermined, 0) as undetermined,
        cast(last_returns.return_month || '-01' as date) as month_start
    from last_returns
    left join months
        on last_returns.return_month = months.month
    where last_returns.recency = 1
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
        case when undetermined > 0 and unmatched = 0 then 'undetermined' end as trait,
        greatest(unmatched, 1) as size,
        case
            when unmatched > 0 then 'fail'
            when undetermined = 0 then 'pass'
        end as final_verdict,
        delivery_id,
        received_on,
        source_sheet,
        source_row
    from compared
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
