-- One row per unit of any kind: samples, acceptances, days, places, cases and what else there is.
--
-- What was inspected comes from fact.verdict; every other kind has a model fact.unit_<kind> in the
-- same columns, and is added to `units`. What the firm that answers for a unit (its producer where
-- the credit code is known, else where it was inspected) was on that day stands in the roster.
-- `profile` holds the values by which conditions of indicators judge a unit, and no others, so that
-- profiles are few however many units there are; fact.indicator_unit takes them apart.
with verdicts as (
    select * from fact.verdict
),

roster_topics as (
    select * from fact.unit_roster_topic
),

air_days as (
    select * from fact.unit_air_day
),

places_of_water as (
    select * from fact.unit_water
),

case_clocks as (
    select * from fact.unit_case_clock
),

service_cases as (
    select * from fact.unit_service_case
),

incidents as (
    select * from fact.unit_incident
),

survey_responses as (
    select * from fact.unit_survey_response
),

firm_periods as (
    select * from fact.firm_period
),

indicators as (
    select * from ref.indicator
),

population as (
    select * from ref.indicator_population
),

exclusions as (
    select * from ref.indicator_exclusion
),

bases as (
    select * from ref.sampling_basis
),

plans as (
    select * from ref.plan
),

-- All plans are of one city.
city as (
    select min(city_prefix) as city_prefix
    from plans
),

-- Places and days are no matter of profiles.
conditions as (
    select
        indicator_id,
        variant_id,
        case when operator in ('in', 'not_in') then column_name end as column_name
    from exclusions
),

-- The columns that conditions of the indicators of a field look at.
looked_at as (
    select
        indicators.unit_kind,
        population.domain,
        bool_or(conditions.column_name = 'source_id') as source_id,
        bool_or(conditions.column_name = 'programme') as programme,
        bool_or(conditions.column_name = 'sampling_basis') as sampling_basis,
        bool_or(conditions.column_name = 'coverage') as coverage,
        bool_or(conditions.column_name = 'link') as link,
        bool_or(conditions.column_name = 'division_code') as division_code,
        bool_or(conditions.column_name = 'product_category') as product_category,
        bool_or(conditions.column_name = 'industry_division') as industry_division,
        bool_or(conditions.column_name = 'supervised') as supervised,
        bool_or(conditions.column_name = 'is_recheck') as is_recheck,
        bool_or(conditions.column_name = 'verdict_basis') as verdict_basis,
        bool_or(conditions.column_name = 'trait') as trait,
        bool_or(conditions.column_name = 'attempt') as attempt
    from conditions
    inner join population
        on
            conditions.indicator_id = population.indicator_id
            and conditions.variant_id = population.variant_id
    inner join indicators
        on conditions.indicator_id = indicators.indicator_id
    group by 1, 2
),

inspected_units as (
    select
        unit_kind,
        source_id,
        unit_no,
        attempt,
        domain,
        programme,
        sampling_basis,
        coverage,
        counted_on,
        division_code,
        product_category,
        coalesce(
            nullif(regexp_extract(industry_code, '^[A-Z]?([0-9]{2})', 1), ''), 'UNSTATED'
        ) as industry_division,
        coalesce(link, 'UNSTATED') as link,
        entity_uscc,
        coalesce(producer_uscc, entity_uscc) as firm_uscc,
        supervised,
        cast(null as varchar) as trait,
        1 as size,
        cast(null as varchar) as assessed_period,
        final_verdict,
        verdict_basis,
        recheck_no,
        is_recheck,
        delivery_id,
        received_on,
        source_sheet,
        source_row,
        stratum,
        inclusion_probability
    from verdicts
),

other_units as (
    select * from roster_topics
    union all
    select * from air_days
    union all
    select * from places_of_water
    union all
    select * from case_clocks
    union all
    select * from service_cases
    union all
    select * from incidents
    union all
    select * from survey_responses
),

units as (
    select * from inspected_units
    union all
    select
        unit_kind,
        source_id,
        unit_no,
        cast(null as bigint) as attempt,
        domain,
        programme,
        sampling_basis,
        coverage,
        counted_on,
        division_code,
        product_category,
        industry_division,
        link,
        entity_uscc,
        firm_uscc,
        supervised,
        trait,
        size,
        assessed_period,
        final_verdict,
        verdict_basis,
        recheck_no,
        is_recheck,
        delivery_id,
        received_on,
        source_sheet,
        source_row,
        cast(null as varchar) as stratum,
        cast(null as double) as inclusion_probability
    from other_units
),

described_units as (
    select
        units.*,
        -- Units drawn with another chance are another stratum.
        case
            when units.inclusion_probability is null then 'UNSTATED'
            else
                coalesce(units.stratum, 'ALL') || ' @ '
                || cast(cast(units.inclusion_probability as decimal(12, 10)) as varchar)
        end as sampling_stratum,
        coalesce(firm_periods.firm_class, 'UNSTATED') as firm_class,
        coalesce(firm_periods.subject_type, 'UNSTATED') as subject_type,
        case
            when firm_periods.entity_uscc is null then 'UNSTATED'
            else coalesce(firm_periods.chain, 'NONE')
        end as chain,
        coalesce(bases.estimates_population = 'true', false)
        and units.sampling_basis <> 'census' as is_random,
        -- A place is in the city where its code begins as the city's.
        coalesce(
            units.division_code <> 'UNKNOWN'
            and substring(units.division_code, 1, length(city.city_prefix)) <> city.city_prefix,
            false
        ) as is_outside_city
    from units
    cross join city
    left join firm_periods
        on
            units.firm_uscc = firm_periods.entity_uscc
            and units.counted_on >= firm_periods.valid_from
            and (units.counted_on < firm_periods.valid_to or firm_periods.valid_to is null)
    left join bases
        on units.sampling_basis = bases.code
),

-- Empty where no indicator counts such units. No definition names a value that holds the separator:
-- it is as good as any other, as is none.
profiled_units as (
    select
        units.*,
        looked_at.unit_kind || '|' || looked_at.domain
        || '|' || case
            when units.final_verdict not like '%|%' then units.final_verdict
            else ''
        end
        || '|' || case
            when looked_at.source_id and units.source_id not like '%|%'
                then units.source_id
            else ''
        end
        || '|' || case
            when looked_at.programme and units.programme not like '%|%'
                then units.programme
            else ''
        end
        || '|' || case
            when looked_at.sampling_basis and units.sampling_basis not like '%|%'
                then units.sampling_basis
            else ''
        end
        || '|' || case
            when looked_at.coverage and units.coverage not like '%|%'
                then units.coverage
            else ''
        end
        || '|' || case
            when looked_at.link and units.link not like '%|%'
                then units.link
            else ''
        end
        || '|' || case
            when looked_at.division_code and units.division_code not like '%|%'
                then units.division_code
            else ''
        end
        || '|' || case
            when looked_at.product_category and units.product_category not like '%|%'
                then units.product_category
            else ''
        end
        || '|' || case
            when looked_at.industry_division and units.industry_division not like '%|%'
                then units.industry_division
            else ''
        end
        || '|' || case
            when looked_at.supervised then coalesce(cast(units.supervised as varchar), '')
            else ''
        end
        || '|' || case
            when looked_at.is_recheck then coalesce(cast(units.is_recheck as varchar), '')
            else ''
        end
        || '|' || case
            when looked_at.verdict_basis and units.verdict_basis not like '%|%'
                then units.verdict_basis
            else ''
        end
        || '|' || case
            when looked_at.trait and units.trait not like '%|%'
                then units.trait
            else ''
        end
        || '|' || case
            when looked_at.attempt then coalesce(cast(units.attempt as varchar), '')
            else ''
        end as profile
    from described_units as units
    left join looked_at
        on
            units.unit_kind = looked_at.unit_kind
            and units.domain = looked_at.domain
),

final_units as (
    select
        unit_kind,
        source_id,
        unit_no,
        attempt,
        is_recheck,
        size,
        is_outside_city,
        profile,
        counted_on,
        domain,
        programme,
        sampling_basis,
        is_random,
        coverage,
        division_code,
        product_category,
        industry_division,
        link,
        entity_uscc,
        firm_class,
        subject_type,
        chain,
        sampling_stratum,
        inclusion_probability,
        supervised,
        trait,
        assessed_period,
        final_verdict,
        verdict_basis,
        recheck_no,
        delivery_id,
        received_on,
        source_sheet,
        source_row
    from profiled_units
)

select * from final_units
