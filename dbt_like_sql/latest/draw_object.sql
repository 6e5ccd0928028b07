-- The latest version of each object on the roster of a draw.
with versions as (
    select * from core.draw_object
),

highest_versions as (
    select
        source_id,
        draw_no,
        unit_id,
        max(version) as version
    from versions
    group by source_id, draw_no, unit_id
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.draw_no = highest_versions.draw_no
            and versions.unit_id = highest_versions.unit_id
            and versions.version = highest_versions.version
)

select * from latest_versions
