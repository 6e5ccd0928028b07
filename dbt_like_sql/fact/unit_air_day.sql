-- One row per city and day of its air, as a unit that indicators count: good or not.
with city_days as (
    select * from fact.air_city_day
    where is_in_force
),

units as (
    select
        'air_day' as unit_kind,
        source_id,
        division_code || '/' || cast(measured_on as varchar) as unit_no,
        domain,
        programme,
        sampling_basis,
        coverage,
        measured_on as counted_on,
        division_code,
        coalesce(primary_pollutants, 'none') as product_category,
        'UNSTATED' as industry_division,
        'UNSTATED' as link,
        cast(null as varchar) as entity_uscc,
        cast(null as varchar) as firm_uscc,
        cast(null as boolean) as supervised,
        case when exception_kind is not null then 'exception_event' end as trait,
        1 as size,
        cast(null as varchar) as assessed_period,
        final_verdict,
        'derived' as verdict_basis,
        cast(null as varchar) as recheck_no,
        false as is_recheck,
        delivery_id,
        received_on,
        cast(null as varchar) as source_sheet,
        source_row
    from city_days
)

select * from units
