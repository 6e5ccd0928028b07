-- The latest version of each object on the roster of a draw.
with versions as (
    select * from core.draw_object
),

later_versions as (
    select
        source_id,
        draw_no,
        unit_id,
        max(version) as version
    from versions
    where version > 1
    group by source_id, draw_no, unit_id
),

latest_versions as (
    select versions.*
    from versions
    left join later_versions
        on
            versions.source_id = later_versions.source_id
            and versions.draw_no = later_versions.draw_no
            and versions.unit_id = later_versions.unit_id
    where later_versions.version is null or later_versions.version = versions.version
)

select * from latest_versions
