-- The findings that stand today.
--
-- Findings that came in the rows of their visit are part of the visit's version, which shows in
-- the content hash that they share; a later version of the visit replaces them all. Findings
-- delivered by themselves have versions of their own, and the highest of each stands.
with findings as (
    select * from core.inspection_finding
),

visits as (
    select * from core.site_inspection
),

highest_visit_versions as (
    select
        source_id,
        inspection_no,
        max(version) as version
    from visits
    group by source_id, inspection_no
),

replaced_visits as (
    select
        visits.source_id,
        visits.inspection_no,
        visits.version,
        visits.content_hash
    from visits
    inner join highest_visit_versions
        on
            visits.source_id = highest_visit_versions.source_id
            and visits.inspection_no = highest_visit_versions.inspection_no
            and visits.version < highest_visit_versions.version
),

standing_findings as (
    select *
    from findings
    where not exists (
        select 1
        from replaced_visits
        where
            replaced_visits.source_id = findings.source_id
            and replaced_visits.inspection_no = findings.inspection_no
            and replaced_visits.version = findings.version
            and replaced_visits.content_hash = findings.content_hash
    )
),

highest_finding_versions as (
    select
        source_id,
        inspection_no,
        finding_no,
        max(version) as version
    from standing_findings
    group by source_id, inspection_no, finding_no
),

latest_findings as (
    select standing_findings.*
    from standing_findings
    inner join highest_finding_versions
        on
            standing_findings.source_id = highest_finding_versions.source_id
            and standing_findings.inspection_no = highest_finding_versions.inspection_no
            and standing_findings.finding_no = highest_finding_versions.finding_no
            and standing_findings.version = highest_finding_versions.version
)

select * from latest_findings
