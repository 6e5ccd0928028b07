-- The latest version of each place of the rosters of water.
with versions as (
    select * from core.water_site
),

later_versions as (
    select
        source_id,
        site_no,
        max(version) as version
    from versions
    where version > 1
    group by source_id, site_no
),

latest_versions as (
    select versions.*
    from versions
    left join later_versions
        on
            versions.source_id = later_versions.source_id
            and versions.site_no = later_versions.site_no
    where later_versions.version is null or later_versions.version = versions.version
)

select * from latest_versions
