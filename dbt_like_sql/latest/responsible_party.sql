-- The latest version of each appointment for a party of a unit project.
with versions as (
    select * from core.responsible_party
),

highest_versions as (
    select
        source_id,
        project_no,
        party_role,
        appointed_on,
        max(version) as version
    from versions
    group by source_id, project_no, party_role, appointed_on
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.project_no = highest_versions.project_no
            and versions.party_role = highest_versions.party_role
            and versions.appointed_on = highest_versions.appointed_on
            and versions.version = highest_versions.version
)

select * from latest_versions
