-- Pass rates of inspected units, with totals over sources, periods, divisions and categories.
--
-- Counts are summed first and divided once. Programme, sampling basis and coverage are never summed
-- over, so random and targeted samples are never pooled.
-- The rate of a division or category with few units is not shown, nor what it could be told from.
-- Bounds: Wilson (1927), in the form of Brown, Cai and DasGupta (2001), equation 4:
-- (x + z²/2 ± z·sqrt(x·(n - x)/n + z²/4)) / (n + z²); none for a census. In a stratified
-- sample units were drawn with unequal probability: its plain rate is that of the samples and not
-- of the population, and has no bounds; mart.indicator_value weighs it.
with cells as (
    select * from counts.verdict_month
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

-- Units below which the rate of a part is not shown, as the indicators of its field say; where a
-- field has none, as the strictest indicator does.
suppression as (
    select
        fields.domain,
        indicators.unit_kind,
        max(indicators.suppress_below) as suppress_below
    from indicators
    inner join fields
        on indicators.indicator_id = fields.indicator_id
    group by fields.domain, indicators.unit_kind
),

strictest as (
    select max(suppress_below) as suppress_below
    from indicators
),

rolled_up as (
    select
        unit_kind,
        domain,
        programme,
        sampling_basis,
        coverage,
        case
            when grouping(month) = 0 then 'month'
            when grouping(quarter) = 0 then 'quarter'
            when grouping(year) = 0 then 'year'
            else 'all'
        end as period_type,
        case
            when grouping(month) = 0 then month
            when grouping(quarter) = 0 then quarter
            when grouping(year) = 0 then year
            else 'all'
        end as period,
        case when grouping(source_id) = 1 then 'ALL' else source_id end as source_id,
        case when grouping(division_code) = 1 then 'ALL' else division_code end as division_code,
        case
            when grouping(product_category) = 1 then 'ALL' else product_category
        end as product_category,
        sum(passed + conditional + failed) as tested,
        sum(passed) as passed,
        sum(conditional) as conditional,
        sum(failed) as failed,
        sum(units - passed - conditional - failed) as without_verdict
    from cells
    group by
        unit_kind,
        domain,
        programme,
        sampling_basis,
        coverage,
        rollup (year, quarter, month),
        cube (source_id, division_code, product_category)
),

counts as (
    select
        rolled_up.*,
        cast(rolled_up.passed as double) as x,
        cast(rolled_up.tested as double) as n,
        cast(1.959963984540054 as double) as z,
        rolled_up.sampling_basis not in ('census', 'stratified_random') as has_bounds,
        coalesce(bases.estimates_population = 'true', false)
        and rolled_up.sampling_basis <> 'stratified_random'
        and rolled_up.coverage = 'complete' as estimates_population,
        rolled_up.sampling_basis <> 'census'
        and rolled_up.tested < coalesce(suppression.suppress_below, strictest.suppress_below)
            as is_small
    from rolled_up
    left join bases
        on rolled_up.sampling_basis = bases.code
    left join suppression
        on
            rolled_up.domain = suppression.domain
            and rolled_up.unit_kind = suppression.unit_kind
    cross join strictest
),

intervals as (
    select
        *,
        is_small and (division_code <> 'ALL' or product_category <> 'ALL') as is_suppressed,
        x / nullif(n, 0) as rate,
        (x + z * z / 2) / nullif(n + z * z, 0) as centre,
        z * sqrt(x * (n - x) / nullif(n, 0) + z * z / 4) / nullif(n + z * z, 0) as half_width
    from counts
),

pass_rates as (
    select
        intervals.unit_kind,
        intervals.domain,
        intervals.programme,
        intervals.sampling_basis,
        intervals.coverage,
        intervals.period_type,
        intervals.period,
        intervals.source_id,
        intervals.division_code,
        intervals.product_category,
        intervals.tested,
        case when not intervals.is_suppressed then intervals.passed end as passed,
        case when not intervals.is_suppressed then intervals.conditional end as conditional,
        case when not intervals.is_suppressed then intervals.failed end as failed,
        intervals.without_verdict,
        case when not intervals.is_suppressed then intervals.passed end as numerator,
        intervals.tested as denominator,
        case when not intervals.is_suppressed then intervals.rate end as rate,
        -- at its ends the formula gives 0 and 1 but for rounding
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
        intervals.is_small,
        intervals.is_suppressed,
        build.as_of
    from intervals
    cross join build
)

select * from pass_rates
