-- How often each parameter was found, measured and over its limit, with totals over the years.
--
-- A sample counts once for a parameter, however many results it has. Programme, sampling basis and
-- coverage are never summed over; rechecks are not counted.
with units as (
    select * from fact.verdict
),

results as (
    select * from latest.test_result
),

build as (
    select * from meta.build
),

described_results as (
    select
        source_id,
        sample_no,
        parameter_code,
        parameter_name,
        case when qualifier is not null then 1 else 0 end as is_understood,
        case when qualifier in ('=', '>', 'DETECTED') then 1 else 0 end as is_detected,
        case when qualifier = '=' and value is not null then 1 else 0 end as is_quantified,
        case coalesce(verdict, derived_verdict)
            when 'fail' then 1
            when 'conditional' then 0
            when 'pass' then 0
        end as exceeds
    from results
),

tested_parameters as (
    select
        source_id,
        sample_no,
        parameter_code,
        min(parameter_name) as parameter_name,
        max(is_understood) as is_understood,
        max(is_detected) as is_detected,
        max(is_quantified) as is_quantified,
        max(exceeds) as exceeds
    from described_results
    group by source_id, sample_no, parameter_code
),

dated_parameters as (
    select
        units.domain,
        units.programme,
        units.sampling_basis,
        units.coverage,
        coalesce(cast(extract(year from units.counted_on) as varchar), 'UNKNOWN') as year,
        tested_parameters.parameter_code,
        tested_parameters.parameter_name,
        tested_parameters.is_understood,
        tested_parameters.is_detected,
        tested_parameters.is_quantified,
        tested_parameters.exceeds
    from units
    inner join tested_parameters
        on
            units.source_id = tested_parameters.source_id
            and units.unit_no = tested_parameters.sample_no
    where units.unit_kind = 'sample' and not units.is_recheck
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
        count(*) as tested,
        sum(is_understood) as understood,
        sum(is_detected) as detected,
        sum(is_quantified) as quantified,
        count(exceeds) as judged,
        coalesce(sum(exceeds), 0) as exceeding
    from dated_parameters
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
