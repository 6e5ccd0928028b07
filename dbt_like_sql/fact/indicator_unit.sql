-- One row per variant of an indicator and unit of its field: counted, or left out and why.
--
-- A view: nothing of it is stored. Whom a variant counts is written in ref.indicator_*; nothing
-- here names an indicator. Conditions are tried once per profile (the values that conditions look
-- at), not unit by unit; the first that holds is the reason. Days are compared unit by unit, last.
-- Profiles are those of the units that are given, and so of a part of them, too.
with units as (
    select * from fact.unit
    where profile is not null
),

-- Read apart, and so this one column alone.
units_of_profiles as (
    select profile from fact.unit
    where profile is not null
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

-- In one row: so whoever plans the query knows that they are few, and lets units stream past them.
profile_list as (
    select list_sort(list(distinct profile) filter (where profile is not null)) as profiles
    from units_of_profiles
),

profiles_of_units as (
    select unnest(profiles) as profile
    from profile_list
),

profiles as (
    select
        profile,
        nullif(split_part(profile, '|', 1), '') as unit_kind,
        nullif(split_part(profile, '|', 2), '') as domain,
        nullif(split_part(profile, '|', 3), '') as final_verdict,
        nullif(split_part(profile, '|', 4), '') as source_id,
        nullif(split_part(profile, '|', 5), '') as programme,
        nullif(split_part(profile, '|', 6), '') as sampling_basis,
        nullif(split_part(profile, '|', 7), '') as coverage,
        nullif(split_part(profile, '|', 8), '') as link,
        nullif(split_part(profile, '|', 9), '') as division_code,
        nullif(split_part(profile, '|', 10), '') as product_category,
        nullif(split_part(profile, '|', 11), '') as industry_division,
        nullif(split_part(profile, '|', 12), '') as supervised,
        nullif(split_part(profile, '|', 13), '') as is_recheck,
        nullif(split_part(profile, '|', 14), '') as verdict_basis,
        nullif(split_part(profile, '|', 15), '') as trait,
        nullif(split_part(profile, '|', 16), '') as attempt
    from profiles_of_units
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

-- Whether units of a profile count in a variant, and pass, before days are looked at.
judgements as (
    select
        judged_profiles.profile,
        judged_profiles.indicator_id,
        judged_profiles.variant_id,
        variants.estimates,
        variants.measure,
        variants.valid_from,
        variants.valid_to,
        exclusions.reason,
        coalesce(counted_verdicts.passes, false) as passes
    from judged_profiles
    inner join profiles
        on judged_profiles.profile = profiles.profile
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
            and profiles.final_verdict = counted_verdicts.verdict
),

reasoned_units as (
    select
        judgements.indicator_id,
        judgements.variant_id,
        judgements.estimates,
        judgements.passes,
        case when judgements.measure = 'size' then units.size else 1 end as amount,
        units.*,
        case
            when judgements.reason is not null then judgements.reason
            when units.is_outside_city then 'outside_city'
            when units.counted_on is null then 'no_day'
            when units.counted_on < judgements.valid_from then 'before_definition'
            when units.counted_on >= judgements.valid_to then 'after_definition'
        end as exclusion_reason
    from units
    -- Each has one: a unit has a profile where it is in the field of an indicator.
    left join judgements
        on units.profile = judgements.profile
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
