-- The latest version of each place of the rosters of water.
with versions as (
    select * from core.water_site
),

highest_versions as (
    select
        source_id,
        site_no,
        max(version) as version
    from versions
    group by source_id, site_no
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.site_no = highest_versions.site_no
            and versions.version = highest_versions.version
)

select * from latest_versions
