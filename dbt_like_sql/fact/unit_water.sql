-- Places of water on a roster, as units that indicators count: each is itself the assessment of a
-- month, quarter, year or year to date, because means come first and the class after.
--
-- A section is a unit twice, against its functional class and against class III. A place of the
-- roster that was not measured in a period in which others were, or not in months enough, is a unit
-- without a verdict: it is left out by name and not counted as kept.
with site_periods as (
    select * from fact.water_site_period
),

sites as (
    select * from latest.water_site
),

periods as (
    select
        source_id,
        period_type,
        period,
        max(last_on) as last_on
    from site_periods
    group by source_id, period_type, period
),

required as (
    select
        sites.source_id,
        sites.site_no,
        sites.site_kind,
        sites.domain,
        sites.programme,
        sites.sampling_basis,
        sites.coverage,
        sites.water_body,
        sites.control_level,
        sites.division_code,
        sites.delivery_id,
        sites.received_on,
        sites.source_row,
        periods.period_type,
        periods.period,
        periods.last_on
    from sites
    inner join periods
        on sites.source_id = periods.source_id
),

assessed as (
    select
        required.*,
        site_periods.class_no,
        site_periods.meets_functional_class,
        site_periods.meets_class3,
        site_periods.meets_source_limits,
        site_periods.intake,
        coalesce(site_periods.is_assessed, false) as is_assessed,
        coalesce(site_periods.last_on, required.last_on) as counted_on,
        coalesce(site_periods.delivery_id, required.delivery_id) as found_in_delivery,
        coalesce(site_periods.received_on, required.received_on) as last_received_on,
        case
            when site_periods.delivery_id is null then required.source_row
            else site_periods.source_row
        end as found_in_row
    from required
    left join site_periods
        on
            required.source_id = site_periods.source_id
            and required.site_no = site_periods.site_no
            and required.period_type = site_periods.period_type
            and required.period = site_periods.period
),

judged as (
    select
        *,
        'water_section' as unit_kind,
        meets_functional_class as passes
    from assessed
    where site_kind = 'section'
    union all
    select
        *,
        'water_section_class3' as unit_kind,
        meets_class3 as passes
    from assessed
    where site_kind = 'section'
    union all
    select
        *,
        'water_source' as unit_kind,
        meets_source_limits as passes
    from assessed
    where site_kind = 'drinking_source'
),

units as (
    select
        unit_kind,
        source_id,
        site_no || '/' || case when period_type = 'year_to_date' then 'to ' else '' end || period
            as unit_no,
        domain,
        programme,
        sampling_basis,
        coverage,
        counted_on,
        division_code,
        coalesce(cast(class_no as varchar), 'UNSTATED') as product_category,
        'UNSTATED' as industry_division,
        'UNSTATED' as link,
        cast(null as varchar) as entity_uscc,
        cast(null as varchar) as firm_uscc,
        cast(null as boolean) as supervised,
        control_level as trait,
        case
            when unit_kind = 'water_source' then coalesce(cast(round(intake) as bigint), 0)
            else 1
        end as size,
        period_type as assessed_period,
        case when is_assessed and passes then 'pass' when is_assessed and not passes then 'fail' end
            as final_verdict,
        'derived' as verdict_basis,
        cast(null as varchar) as recheck_no,
        false as is_recheck,
        found_in_delivery as delivery_id,
        last_received_on as received_on,
        cast(null as varchar) as source_sheet,
        found_in_row as source_row
    from judged
)

select * from units
