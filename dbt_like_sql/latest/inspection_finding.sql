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

later_visits as (
    select
        source_id,
        inspection_no,
        max(version) as version
    from visits
    where version > 1
    group by source_id, inspection_no
),

corrected_visits as (
    select
        visits.source_id,
        visits.inspection_no,
        visits.version,
        visits.content_hash,
        later_visits.version as latest_version
    from visits
    inner join later_visits
        on
            visits.source_id = later_visits.source_id
            and visits.inspection_no = later_visits.inspection_no
),

later_findings as (
    select
        findings.source_id,
        findings.inspection_no,
        findings.finding_no,
        max(findings.version) as version
    from findings
    left join corrected_visits
        on
            findings.source_id = corrected_visits.source_id
            and findings.inspection_no = corrected_visits.inspection_no
            and findings.version = corrected_visits.version
            and findings.content_hash = corrected_visits.content_hash
    where
        findings.version > 1
        and (
            corrected_visits.version is null
            or corrected_visits.version = corrected_visits.latest_version
        )
    group by findings.source_id, findings.inspection_no, findings.finding_no
),

latest_findings as (
    select findings.*
    from findings
    left join corrected_visits
        on
            findings.source_id = corrected_visits.source_id
            and findings.inspection_no = corrected_visits.inspection_no
            and findings.version = corrected_visits.version
            and findings.content_hash = corrected_visits.content_hash
    left join later_findings
        on
            findings.source_id = later_findings.source_id
            and findings.inspection_no = later_findings.inspection_no
            and findings.finding_no = later_findings.finding_no
    where
        (
            corrected_visits.version is null
            or corrected_visits.version = corrected_visits.latest_version
        )
        and (later_findings.version is null or later_findings.version = findings.version)
)

select * from latest_findings
