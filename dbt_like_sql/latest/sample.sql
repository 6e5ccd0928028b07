-- The latest version of each sample.
with versions as (
    select * from core.sample
),

highest_versions as (
    select
        source_id,
        sample_no,
        max(version) as version
    from versions
    group by source_id, sample_no
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.sample_no = highest_versions.sample_no
            and versions.version = highest_versions.version
)

select * from latest_versions
