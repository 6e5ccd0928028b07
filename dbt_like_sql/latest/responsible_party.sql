-- The latest version of each appointment for a party of a unit project.
with versions as (
    select * from core.responsible_party
),

later_versions as (
    select
        source_id,
        project_no,
        party_role,
        appointed_on,
        max(version) as version
    from versions
    where version > 1
    group by source_id, project_no, party_role, appointed_on
),

latest_versions as (
    select versions.*
    from versions
    left join later_versions
        on
            versions.source_id = later_versions.source_id
            and versions.project_no = later_versions.project_no
            and versions.party_role = later_versions.party_role
            and versions.appointed_on = later_versions.appointed_on
    where later_versions.version is null or later_versions.version = versions.version
)

select * from latest_versions
