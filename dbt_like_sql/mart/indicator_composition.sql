-- What each figure is made of: units by programme, sampling basis and coverage; of what is itself
-- the assessment of a period, those of years.
--
-- Here a rate that pools what must not be pooled shows, and stops the build, with the programme
-- in the row: a figure that speaks for a population holds random samples of complete lists only, a
-- census only units of a census.
with units as (
    select * from fact.indicator_unit
    where coalesce(assessed_period, 'year') = 'year'
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
        sum(case when is_counted then 0 else 1 end) as excluded,
        min(counted_on) filter (where is_counted) as first_day,
        max(counted_on) filter (where is_counted) as last_day
    from units
    group by 1, 2, 3, 4, 5
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
            else true
        end as may_be_pooled,
        parts.numerator,
        parts.denominator,
        parts.excluded,
        parts.first_day,
        parts.last_day,
        build.as_of
    from parts
    cross join build
)

select * from composition
