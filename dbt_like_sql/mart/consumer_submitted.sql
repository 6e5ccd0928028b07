-- What consumers had tested (你送我检): a programme of its own, and the leads that came of it.
--
-- Consumers choose what they bring, so nothing here estimates a rate of anything but itself. A lead
-- is the case whose number the sample names, or the case that names the sample.
with samples as (
    select * from fact.consumer_sample
),

cases as (
    select * from fact.case_state
),

case_names as (
    select
        source_id,
        case_no,
        is_open,
        state,
        case_no as name
    from cases
    union all
    select
        source_id,
        case_no,
        is_open,
        state,
        related_case_no as name
    from cases
    where related_case_no is not null and related_case_no <> case_no
),

named_samples as (
    select
        source_id,
        sample_no,
        lead_no as name,
        1 as place
    from samples
    where lead_no is not null
    union all
    select
        source_id,
        sample_no,
        sample_no as name,
        2 as place
    from samples
),

leads as (
    select
        named_samples.source_id,
        named_samples.sample_no,
        case_names.case_no,
        case_names.is_open,
        case_names.state
    from named_samples
    inner join case_names
        on named_samples.name = case_names.name
    qualify
        row_number() over (
            partition by named_samples.source_id, named_samples.sample_no
            order by named_samples.place, case_names.case_no, case_names.source_id
        ) = 1
),

consumer_samples as (
    select
        samples.source_id,
        samples.sample_no,
        samples.domain,
        samples.programme,
        samples.sampling_basis,
        samples.counted_on,
        samples.division_code,
        samples.product_category,
        samples.product_name,
        samples.entity_name,
        samples.final_verdict,
        samples.has_banned_substance,
        samples.lead_no,
        leads.case_no,
        leads.state as case_state,
        case
            when leads.case_no is not null and leads.is_open then 'open'
            when leads.case_no is not null then 'closed'
            when samples.lead_no is not null then 'case_not_received'
            when samples.final_verdict = 'fail' then 'no_lead'
            else 'none_needed'
        end as lead_status,
        samples.delivery_id,
        samples.received_on,
        samples.source_sheet,
        samples.source_row
    from samples
    left join leads
        on
            samples.source_id = leads.source_id
            and samples.sample_no = leads.sample_no
)

select * from consumer_samples
