-- Pass rates by what the firm that answers for a sample was on that day, year by year.
--
-- The producer answers where its credit code is known, else the place where the sample was taken.
-- Programme, sampling basis and coverage are never summed over. As in mart.pass_rate the rate of
-- few samples is not shown, and the plain rate of a stratified sample has no bounds and estimates
-- no population.
with counts as (
    select * from counts.firm_group
),

bases as (
    select * from ref.sampling_basis
),

indicators as (
    select * from ref.indicator
),

fields as (
    select * from ref.indicator_population
),

build as (
    select * from meta.build
),

-- Samples below which a rate is not shown, as the indicators of the field say; where a field has
-- none, as the strictest indicator does.
suppression as (
    select
        fields.domain,
        max(indicators.suppress_below) as suppress_below
    from indicators
    inner join fields
        on indicators.indicator_id = fields.indicator_id
    where indicators.unit_kind = 'sample'
    group by fields.domain
),

strictest as (
    select max(suppress_below) as suppress_below
    from indicators
),

measured as (
    select
        counts.*,
        cast(counts.passed as double) as x,
        cast(counts.tested as double) as n,
        cast(1.959963984540054 as double) as z,
        counts.sampling_basis not in ('census', 'stratified_random') as has_bounds,
        coalesce(bases.estimates_population = 'true', false)
        and counts.sampling_basis <> 'stratified_random'
        and counts.coverage = 'complete' as estimates_population,
        counts.sampling_basis <> 'census'
        and counts.tested < coalesce(suppression.suppress_below, strictest.suppress_below)
            as is_suppressed
    from counts
    left join bases
        on counts.sampling_basis = bases.code
    left join suppression
        on counts.domain = suppression.domain
    cross join strictest
),

intervals as (
    select
        *,
        x / nullif(n, 0) as rate,
        (x + z * z / 2) / nullif(n + z * z, 0) as centre,
        z * sqrt(x * (n - x) / nullif(n, 0) + z * z / 4) / nullif(n + z * z, 0) as half_width
    from measured
),

firm_group_rates as (
    select
        intervals.group_type,
        intervals.group_name,
        intervals.domain,
        intervals.programme,
        intervals.sampling_basis,
        intervals.coverage,
        intervals.period,
        intervals.firms,
        case when not intervals.is_suppressed then intervals.failed end as failed,
        case when not intervals.is_suppressed then intervals.passed end as numerator,
        intervals.tested as denominator,
        case when not intervals.is_suppressed then intervals.rate end as rate,
        case
            when
                intervals.tested = 0
                or not intervals.has_bounds
                or intervals.is_suppressed
                then null
            when intervals.passed = 0 then 0.0
            else intervals.centre - intervals.half_width
        end as wilson_low,
        case
            when
                intervals.tested = 0
                or not intervals.has_bounds
                or intervals.is_suppressed
                then null
            when intervals.passed = intervals.tested then 1.0
            else intervals.centre + intervals.half_width
        end as wilson_high,
        intervals.estimates_population,
        intervals.is_suppressed,
        build.as_of
    from intervals
    cross join build
)

select * from firm_group_rates
