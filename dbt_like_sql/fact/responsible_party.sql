-- Every version of every appointment ever received: who answered for what, from when to when, and
-- what was known of it when. Nothing is left out and nothing is replaced.
with versions as (
    select * from core.responsible_party
),

latest_appointments as (
    select * from latest.responsible_party
),

successors as (
    select
        source_id,
        project_no,
        party_role,
        appointed_on,
        lead(appointed_on) over (
            partition by source_id, project_no, party_role order by appointed_on
        ) as succeeded_on
    from latest_appointments
),

known as (
    select
        *,
        lead(received_on) over (
            partition by source_id, project_no, party_role, appointed_on order by version
        ) as superseded_on
    from versions
),

responsible_parties as (
    select
        known.source_id,
        known.project_no,
        known.party_role,
        known.appointed_on,
        known.version,
        known.project_name,
        known.entity_name,
        known.entity_uscc,
        known.person_name,
        known.registration_no,
        known.committed_on,
        known.left_on,
        successors.succeeded_on,
        coalesce(known.left_on, successors.succeeded_on) as responsible_until,
        known.received_on as known_from,
        known.superseded_on as known_until,
        known.superseded_on is null as is_latest,
        known.remark,
        known.delivery_id,
        known.received_on,
        known.source_sheet,
        known.source_row
    from known
    inner join successors
        on
            known.source_id = successors.source_id
            and known.project_no = successors.project_no
            and known.party_role = successors.party_role
            and known.appointed_on = successors.appointed_on
)

select * from responsible_parties
