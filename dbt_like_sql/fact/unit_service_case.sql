-- One row per application for a government service, as a unit that indicators count: on the day on
-- which it was concluded, passing where it was applied for and concluded online.
with cases as (
    select * from fact.case_state
    where case_type = 'service_application'
),

units as (
    select
        'service_case' as unit_kind,
        source_id,
        case_no as unit_no,
        domain,
        case_type as programme,
        'census' as sampling_basis,
        coverage,
        coalesce(ended_on, state_since, opened_on) as counted_on,
        division_code,
        coalesce(item_kind, 'UNSTATED') as product_category,
        'UNSTATED' as industry_division,
        'UNSTATED' as link,
        entity_uscc,
        entity_uscc as firm_uscc,
        cast(null as boolean) as supervised,
        case
            when exclusion_reason is not null then exclusion_reason
            when state = 'refused' then 'refused'
            when is_open then 'not_concluded'
        end as trait,
        1 as size,
        cast(null as varchar) as assessed_period,
        case
            when state <> 'concluded' or channel is null then null
            when channel = 'online' then 'pass'
            else 'fail'
        end as final_verdict,
        'reported' as verdict_basis,
        cast(null as varchar) as recheck_no,
        false as is_recheck,
        delivery_id,
        received_on,
        source_sheet,
        source_row
    from cases
)

select * from units
