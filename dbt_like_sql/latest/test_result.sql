-- The results that stand today.
--
-- Results that came in the rows of their sample are part of the sample's version, which shows in
-- the content hash that they share; a later version of the sample replaces them all. Results
-- delivered by themselves have versions of their own, and the highest of each stands.
with results as (
    select * from core.test_result
),

samples as (
    select * from core.sample
),

highest_sample_versions as (
    select
        source_id,
        sample_no,
        max(version) as version
    from samples
    group by source_id, sample_no
),

replaced_samples as (
    select
        samples.source_id,
        samples.sample_no,
        samples.version,
        samples.content_hash
    from samples
    inner join highest_sample_versions
        on
            samples.source_id = highest_sample_versions.source_id
            and samples.sample_no = highest_sample_versions.sample_no
            and samples.version < highest_sample_versions.version
),

standing_results as (
    select *
    from results
    where not exists (
        select 1
        from replaced_samples
        where
            replaced_samples.source_id = results.source_id
            and replaced_samples.sample_no = results.sample_no
            and replaced_samples.version = results.version
            and replaced_samples.content_hash = results.content_hash
    )
),

highest_result_versions as (
    select
        source_id,
        sample_no,
        parameter_code,
        seq,
        max(version) as version
    from standing_results
    group by source_id, sample_no, parameter_code, seq
),

latest_results as (
    select standing_results.*
    from standing_results
    inner join highest_result_versions
        on
            standing_results.source_id = highest_result_versions.source_id
            and standing_results.sample_no = highest_result_versions.sample_no
            and standing_results.parameter_code = highest_result_versions.parameter_code
            and standing_results.seq = highest_result_versions.seq
            and standing_results.version = highest_result_versions.version
)

select * from latest_results
