-- The latest version of each random draw.
with versions as (
    select * from core.draw
),

highest_versions as (
    select
        source_id,
        draw_no,
        max(version) as version
    from versions
    group by source_id, draw_no
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.draw_no = highest_versions.draw_no
            and versions.version = highest_versions.version
)

select * from latest_versions
