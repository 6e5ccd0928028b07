-- What is known of the quality of each construction project along its whole chain: who answers for
-- it, what materials were tested, what inspections found, and its acceptances.
--
-- Pre-acceptance (attempt 0) stands beside the first completion acceptance (attempt 1) and is never
-- counted as one. A party is named when an appointment stands on as_of with a person.
with acceptances as (
    select * from latest.acceptance
),

visits as (
    select * from latest.site_inspection
    where domain = 'construction' and project_no is not null
),

defects as (
    select * from fact.site_defect
    where project_no is not null
),

parties as (
    select * from latest.responsible_party
),

materials as (
    select * from mart.material_test
    where quarter = 'ALL' and project_no <> 'UNSTATED'
),

roles as (
    select * from ref.party_role
),

build as (
    select * from meta.build
),

projects as (
    select project_no from acceptances
    union distinct
    select project_no from visits
    union distinct
    select project_no from parties
    union distinct
    select project_no from materials
),

acceptance_days as (
    select
        project_no,
        max(project_name) as project_name,
        max(project_category) as project_category,
        max(case when attempt = 0 then accepted_on end) as pre_accepted_on,
        max(case when attempt = 0 then verdict end) as pre_verdict,
        max(case when attempt = 1 then accepted_on end) as first_accepted_on,
        max(case when attempt = 1 then verdict end) as first_verdict,
        max(attempt) as attempts
    from acceptances
    group by project_no
),

visit_counts as (
    select
        project_no,
        count(*) filter (where programme = 'patrol') as patrols,
        count(*) filter (where programme = 'spot_check') as spot_checks,
        count(*) filter (where programme = 'audit') as audits,
        count(*) filter (where programme = 'unannounced') as unannounced_inspections
    from visits
    group by project_no
),

defect_counts as (
    select
        project_no,
        count(*) as defects,
        count(*) filter (where closed_on is null) as open_defects,
        count(*) filter (where closure_status = 'open_overdue') as overdue_defects
    from defects
    group by project_no
),

standing as (
    select
        parties.project_no,
        parties.party_role
    from parties
    cross join build
    where
        parties.person_name is not null
        and parties.appointed_on <= build.as_of
        and (parties.left_on > build.as_of or parties.left_on is null)
),

required as (
    select
        projects.project_no,
        roles.code as party_role
    from projects
    cross join roles
),

party_counts as (
    select
        required.project_no,
        count(distinct standing.party_role) as parties_named,
        array_to_string(
            list_sort(
                list(required.party_role) filter (where standing.party_role is null)
            ),
            ', '
        ) as parties_missing
    from required
    left join standing
        on
            required.project_no = standing.project_no
            and required.party_role = standing.party_role
    group by required.project_no
),

appointment_counts as (
    select
        project_no,
        count(*) as appointments,
        count(committed_on) as commitments
    from parties
    group by project_no
),

material_counts as (
    select
        project_no,
        sum(samples) as material_samples,
        sum(failed) as material_failures
    from materials
    group by project_no
),

project_qualities as (
    select
        projects.project_no,
        acceptance_days.project_name,
        acceptance_days.project_category,
        party_counts.parties_named,
        nullif(party_counts.parties_missing, '') as parties_missing,
        coalesce(appointment_counts.appointments, 0) as appointments,
        coalesce(appointment_counts.commitments, 0) as commitments,
        coalesce(material_counts.material_samples, 0) as material_samples,
        coalesce(material_counts.material_failures, 0) as material_failures,
        coalesce(visit_counts.patrols, 0) as patrols,
        coalesce(visit_counts.spot_checks, 0) as spot_checks,
        coalesce(visit_counts.audits, 0) as audits,
        coalesce(visit_counts.unannounced_inspections, 0) as unannounced_inspections,
        coalesce(defect_counts.defects, 0) as defects,
        coalesce(defect_counts.open_defects, 0) as open_defects,
        coalesce(defect_counts.overdue_defects, 0) as overdue_defects,
        acceptance_days.pre_accepted_on,
        acceptance_days.pre_verdict,
        acceptance_days.first_accepted_on,
        acceptance_days.first_verdict,
        acceptance_days.pre_accepted_on <= acceptance_days.first_accepted_on
            as is_pre_accepted_first,
        coalesce(acceptance_days.attempts, 0) as attempts,
        build.as_of
    from projects
    cross join build
    left join acceptance_days on projects.project_no = acceptance_days.project_no
    left join visit_counts on projects.project_no = visit_counts.project_no
    left join defect_counts on projects.project_no = defect_counts.project_no
    left join party_counts on projects.project_no = party_counts.project_no
    left join appointment_counts on projects.project_no = appointment_counts.project_no
    left join material_counts on projects.project_no = material_counts.project_no
)

select * from project_qualities
