-- What each figure is made of: units by programme, sampling basis and coverage; of what is itself
-- the assessment of a period, those of years.
--
-- Here a rate that pools what must not be pooled shows, and stops the build, with the programme
-- in the row: a figure that speaks for a population holds random samples of complete lists only, a
-- census only units of a census, and what is operational random samples or others, never both.
with days as (
    select * from counts.indicator_day
    where assessed_period in ('NONE', 'year')
),

build as (
    select * from meta.build
),

parts as (
    select
        indicator_id,
        variant_id,
        programme,
        sampling_basis,
        coverage,
        min(estimates) as estimates,
        coalesce(max(cast(is_random as integer)), 0) = 1 as is_random,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(case when is_counted then 0 else units end) as excluded,
        min(counted_on) filter (where is_counted) as first_day,
        max(counted_on) filter (where is_counted) as last_day
    from days
    group by 1, 2, 3, 4, 5
),

-- What each variant counts: random units, others, or both.
counted as (
    select
        indicator_id,
        variant_id,
        max(case when is_random then 1 else 0 end) as random_units,
        max(case when is_random then 0 else 1 end) as other_units
    from parts
    where denominator > 0
    group by indicator_id, variant_id
),

composition as (
    select
        parts.indicator_id,
        parts.variant_id,
        parts.programme,
        parts.sampling_basis,
        parts.coverage,
        parts.estimates,
        parts.is_random,
        case
            when parts.estimates = 'population' then parts.is_random and parts.coverage = 'complete'
            when parts.estimates = 'census'
                then parts.sampling_basis = 'census' and parts.coverage = 'complete'
            else coalesce(counted.random_units + counted.other_units, 0) < 2
        end as may_be_pooled,
        parts.numerator,
        parts.denominator,
        parts.excluded,
        parts.first_day,
        parts.last_day,
        build.as_of
    from parts
    left join counted
        on
            parts.indicator_id = counted.indicator_id
            and parts.variant_id = counted.variant_id
    cross join build
)

select * from composition
