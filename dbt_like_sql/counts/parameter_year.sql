-- Samples tested for each parameter by year, and what was found, to be added up.
--
-- A sample counts once for a parameter, however many results it has; rechecks are not counted. Few
-- samples have several: only their results are grouped, all others stream past.
--
-- `results` counts exactly the rows of latest.test_result that a sample has: samples without any
-- would join to nothing, and are left out before the join.
with units as (
    select * from fact.verdict
    where unit_kind = 'sample' and results > 0 and not is_recheck
),

results as (
    select * from latest.test_result
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

-- Of several results for one parameter, all but one have another number than 1.
repeated_parameters as (
    select distinct
        source_id,
        sample_no,
        parameter_code
    from results
    where seq <> 1
),

marked_results as (
    select
        described_results.*,
        repeated_parameters.parameter_code is not null as is_repeated
    from described_results
    left join repeated_parameters
        on
            described_results.source_id = repeated_parameters.source_id
            and described_results.sample_no = repeated_parameters.sample_no
            and described_results.parameter_code = repeated_parameters.parameter_code
),

gathered_results as (
    select
        source_id,
        sample_no,
        parameter_code,
        min(parameter_name) as parameter_name,
        max(is_understood) as is_understood,
        max(is_detected) as is_detected,
        max(is_quantified) as is_quantified,
        max(exceeds) as exceeds
    from marked_results
    where is_repeated
    group by source_id, sample_no, parameter_code
),

tested_parameters as (
    select
        source_id,
        sample_no,
        parameter_code,
        parameter_name,
        is_understood,
        is_detected,
        is_quantified,
        exceeds
    from marked_results
    where not is_repeated
    union all
    select * from gathered_results
),

parameter_years as (
    select
        units.domain,
        units.programme,
        units.sampling_basis,
        units.coverage,
        tested_parameters.parameter_code,
        tested_parameters.parameter_name,
        coalesce(cast(extract(year from units.counted_on) as varchar), 'UNKNOWN') as year,
        count(*) as tested,
        sum(tested_parameters.is_understood) as understood,
        sum(tested_parameters.is_detected) as detected,
        sum(tested_parameters.is_quantified) as quantified,
        count(tested_parameters.exceeds) as judged,
        coalesce(sum(tested_parameters.exceeds), 0) as exceeding
    from units
    inner join tested_parameters
        on
            units.source_id = tested_parameters.source_id
            and units.unit_no = tested_parameters.sample_no
    group by 1, 2, 3, 4, 5, 6, 7
)

select * from parameter_years
