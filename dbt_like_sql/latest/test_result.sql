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

later_samples as (
    select
        source_id,
        sample_no,
        max(version) as version
    from samples
    where version > 1
    group by source_id, sample_no
),

corrected_samples as (
    select
        samples.source_id,
        samples.sample_no,
        samples.version,
        samples.content_hash,
        later_samples.version as latest_version
    from samples
    inner join later_samples
        on
            samples.source_id = later_samples.source_id
            and samples.sample_no = later_samples.sample_no
),

later_results as (
    select
        results.source_id,
        results.sample_no,
        results.parameter_code,
        results.seq,
        max(results.version) as version
    from results
    left join corrected_samples
        on
            results.source_id = corrected_samples.source_id
            and results.sample_no = corrected_samples.sample_no
            and results.version = corrected_samples.version
            and results.content_hash = corrected_samples.content_hash
    where
        results.version > 1
        and (
            corrected_samples.version is null
            or corrected_samples.version = corrected_samples.latest_version
        )
    group by results.source_id, results.sample_no, results.parameter_code, results.seq
),

latest_results as (
    select results.*
    from results
    left join corrected_samples
        on
            results.source_id = corrected_samples.source_id
            and results.sample_no = corrected_samples.sample_no
            and results.version = corrected_samples.version
            and results.content_hash = corrected_samples.content_hash
    left join later_results
        on
            results.source_id = later_results.source_id
            and results.sample_no = later_results.sample_no
            and results.parameter_code = later_results.parameter_code
            and results.seq = later_results.seq
    where
        (
            corrected_samples.version is null
            or corrected_samples.version = corrected_samples.latest_version
        )
        and (later_results.version is null or later_results.version = results.version)
)

select * from latest_results
