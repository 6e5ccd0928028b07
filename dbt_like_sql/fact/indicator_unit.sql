-- One row per variant of an indicator and unit of its field: counted, or left out and why.
--
-- Samples and acceptances become units here; every other kind has a model fact.unit_<kind> in the
-- same columns, and is added to `units`. Whom a variant counts is written in ref.indicator_*;
-- nothing here names an indicator. Conditions are tried once per profile (the values that
-- conditions look at), not unit by unit; the first that holds is the reason. Days are compared unit
-- by unit, last. The firm that answers for a unit is its producer, where the credit code is known,
-- else where it was taken; what it was on that day stands in the roster of firms.
with verdicts as (
    select * from fact.verdict
),

samples as (
    select
        source_id,
        sample_no,
        entity_uscc,
        producer_uscc,
        stratum,
        inclusion_probability
    from latest.sample
),

acceptances as (
    select
        source_id,
        project_no,
        attempt,
        entity_uscc,
        supervised
    from latest.acceptance
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

variants as (
    select * from ref.indicator_variant
),

population as (
    select * from ref.indicator_population
),

counted_verdicts as (
    select * from ref.indicator_verdict
),

exclusions as (
    select * from ref.indicator_exclusion
),

exclusion_values as (
    select * from ref.indicator_exclusion_value
),

bases as (
    select * from ref.sampling_basis
),

plans as (
    select * from ref.plan
),

details as (
    select
        'sample' as unit_kind,
        source_id,
        sample_no as unit_no,
        entity_uscc,
        coalesce(producer_uscc, entity_uscc) as firm_uscc,
        cast(null as boolean) as supervised,
        stratum,
        inclusion_probability
    from samples
    union all
    select
        'acceptance' as unit_kind,
        source_id,
        project_no || '/' || cast(attempt as varchar) as unit_no,
        entity_uscc,
        entity_uscc as firm_uscc,
        supervised,
        cast(null as varchar) as stratum,
        cast(null as double) as inclusion_probability
    from acceptances
),

inspected_units as (
    select
        verdicts.unit_kind,
        verdicts.source_id,
        verdicts.unit_no,
        verdicts.attempt,
        verdicts.domain,
        verdicts.programme,
        verdicts.sampling_basis,
        verdicts.coverage,
        verdicts.counted_on,
        verdicts.division_code,
        verdicts.product_category,
        coalesce(
            nullif(regexp_extract(verdicts.industry_code, '^[A-Z]?([0-9]{2})', 1), ''), 'UNSTATED'
        ) as industry_division,
        coalesce(verdicts.link, 'UNSTATED') as link,
        details.entity_uscc,
        details.firm_uscc,
        details.supervised,
        cast(null as varchar) as trait,
        1 as size,
        cast(null as varchar) as assessed_period,
        verdicts.final_verdict,
        verdicts.verdict_basis,
        verdicts.recheck_no,
        verdicts.is_recheck,
        verdicts.delivery_id,
        verdicts.received_on,
        verdicts.source_sheet,
        verdicts.source_row,
        details.stratum,
        details.inclusion_probability
    from verdicts
    left join details
        on
            verdicts.unit_kind = details.unit_kind
            and verdicts.source_id = details.source_id
            and verdicts.unit_no = details.unit_no
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
        end as chain
    from units
    left join firm_periods
        on
            units.firm_uscc = firm_periods.entity_uscc
            and units.counted_on >= firm_periods.valid_from
            and (units.counted_on < firm_periods.valid_to or firm_periods.valid_to is null)
),

profiled_units as (
    select
        *,
        unit_kind || '|' || domain || '|' || source_id || '|' || programme || '|' || sampling_basis
        || '|' || coverage || '|' || link || '|' || division_code || '|' || product_category
        || '|' || industry_division || '|' || coalesce(cast(supervised as varchar), '')
        || '|' || cast(is_recheck as varchar) || '|' || coalesce(verdict_basis, '')
        || '|' || coalesce(final_verdict, '') || '|' || coalesce(trait, '')
        || '|' || coalesce(cast(attempt as varchar), '') as profile
    from described_units
),

profiles as (
    select
        profile,
        min(unit_kind) as unit_kind,
        min(domain) as domain,
        min(source_id) as source_id,
        min(programme) as programme,
        min(sampling_basis) as sampling_basis,
        min(coverage) as coverage,
        min(link) as link,
        min(division_code) as division_code,
        min(product_category) as product_category,
        min(industry_division) as industry_division,
        min(cast(supervised as varchar)) as supervised,
        min(cast(is_recheck as varchar)) as is_recheck,
        min(verdict_basis) as verdict_basis,
        min(final_verdict) as final_verdict,
        min(trait) as trait,
        min(cast(attempt as varchar)) as attempt
    from profiled_units
    group by profile
),

fields as (
    select distinct
        population.indicator_id,
        population.variant_id,
        population.domain,
        indicators.unit_kind
    from population
    inner join indicators
        on population.indicator_id = indicators.indicator_id
),

tried as (
    select
        profiles.profile,
        fields.indicator_id,
        fields.variant_id,
        exclusions.reason,
        exclusions.position,
        exclusions.operator,
        case exclusions.column_name
            when 'source_id' then profiles.source_id
            when 'programme' then profiles.programme
            when 'sampling_basis' then profiles.sampling_basis
            when 'coverage' then profiles.coverage
            when 'link' then profiles.link
            when 'division_code' then profiles.division_code
            when 'product_category' then profiles.product_category
            when 'industry_division' then profiles.industry_division
            when 'supervised' then profiles.supervised
            when 'is_recheck' then profiles.is_recheck
            when 'verdict_basis' then profiles.verdict_basis
            when 'final_verdict' then profiles.final_verdict
            when 'trait' then profiles.trait
            when 'attempt' then profiles.attempt
        end as value
    from profiles
    inner join fields
        on
            profiles.unit_kind = fields.unit_kind
            and profiles.domain = fields.domain
    inner join exclusions
        on
            fields.indicator_id = exclusions.indicator_id
            and fields.variant_id = exclusions.variant_id
),

judged_profiles as (
    select
        tried.profile,
        tried.indicator_id,
        tried.variant_id,
        min(tried.position) filter (
            where
            (tried.operator = 'in' and exclusion_values.value is not null)
            or (tried.operator = 'not_in' and exclusion_values.value is null)
        ) as position
    from tried
    left join exclusion_values
        on
            tried.indicator_id = exclusion_values.indicator_id
            and tried.variant_id = exclusion_values.variant_id
            and tried.reason = exclusion_values.reason
            and tried.value = exclusion_values.value
    group by 1, 2, 3
),

cities as (
    select distinct city_prefix
    from plans
),

-- Places that are known, and are not in the city that all plans are of.
places_elsewhere as (
    select distinct profiles.division_code
    from profiles
    inner join cities on profiles.division_code not like cities.city_prefix || '%'
    where profiles.division_code <> 'UNKNOWN'
),

reasoned_units as (
    select
        judged_profiles.indicator_id,
        judged_profiles.variant_id,
        variants.estimates,
        case when variants.measure = 'size' then profiled_units.size else 1 end as amount,
        profiled_units.*,
        coalesce(counted_verdicts.passes, false) as passes,
        case
            when judged_profiles.position is not null then exclusions.reason
            when places_elsewhere.division_code is not null then 'outside_city'
            when profiled_units.counted_on is null then 'no_day'
            when profiled_units.counted_on < variants.valid_from then 'before_definition'
            when profiled_units.counted_on >= variants.valid_to then 'after_definition'
        end as exclusion_reason,
        coalesce(bases.estimates_population = 'true', false)
        and profiled_units.sampling_basis <> 'census' as is_random
    from profiled_units
    inner join judged_profiles
        on profiled_units.profile = judged_profiles.profile
    inner join variants
        on
            judged_profiles.indicator_id = variants.indicator_id
            and judged_profiles.variant_id = variants.variant_id
    left join exclusions
        on
            judged_profiles.indicator_id = exclusions.indicator_id
            and judged_profiles.variant_id = exclusions.variant_id
            and judged_profiles.position = exclusions.position
    left join counted_verdicts
        on
            judged_profiles.indicator_id = counted_verdicts.indicator_id
            and judged_profiles.variant_id = counted_verdicts.variant_id
            and profiled_units.final_verdict = counted_verdicts.verdict
    left join bases
        on profiled_units.sampling_basis = bases.code
    left join places_elsewhere
        on profiled_units.division_code = places_elsewhere.division_code
),

indicator_units as (
    select
        indicator_id,
        variant_id,
        unit_kind,
        source_id,
        unit_no,
        estimates,
        exclusion_reason is null as is_counted,
        exclusion_reason,
        case when exclusion_reason is null and passes then amount else 0 end as numerator,
        case when exclusion_reason is null then amount else 0 end as denominator,
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
    from reasoned_units
)

select * from indicator_units
