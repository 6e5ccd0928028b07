-- How often each parameter was found, measured and over its limit, with totals over the years.
--
-- A sample counts once for a parameter, however many results it has. Programme, sampling basis and
-- coverage are never summed over; rechecks are not counted.
with years as (
    select * from counts.parameter_year
),

build as (
    select * from meta.build
),

counts as (
    select
        domain,
        programme,
        sampling_basis,
        coverage,
        parameter_code,
        case when grouping(year) = 1 then 'ALL' else year end as year,
        min(parameter_name) as parameter_name,
        sum(tested) as tested,
        sum(understood) as understood,
        sum(detected) as detected,
        sum(quantified) as quantified,
        sum(judged) as judged,
        sum(exceeding) as exceeding
    from years
    group by domain, programme, sampling_basis, coverage, parameter_code, rollup (year)
),

parameter_rates as (
    select
        counts.domain,
        counts.programme,
        counts.sampling_basis,
        counts.coverage,
        counts.parameter_code,
        counts.year,
        counts.parameter_name,
        counts.tested,
        counts.understood,
        counts.detected,
        counts.quantified,
        counts.judged,
        counts.exceeding,
        cast(counts.detected as double) / nullif(counts.understood, 0) as detected_rate,
        cast(counts.quantified as double) / nullif(counts.understood, 0) as quantified_rate,
        cast(counts.exceeding as double) / nullif(counts.judged, 0) as exceeding_rate,
        build.as_of
    from counts
    cross join build
)

select * from parameter_rates
