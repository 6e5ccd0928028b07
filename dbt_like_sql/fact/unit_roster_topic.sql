-- One row per project of a frozen roster and topic, as a unit that indicators count.
with roster_topics as (
    select * from fact.roster_topic
),

units as (
    select
        'roster_topic' as unit_kind,
        source_id,
        unit_no,
        domain,
        programme,
        sampling_basis,
        coverage,
        quarter_start as counted_on,
        division_code,
        topic as product_category,
        'UNSTATED' as industry_division,
        'UNSTATED' as link,
        entity_uscc,
        entity_uscc as firm_uscc,
        true as supervised,
        case when not is_on_roster then 'joined_after_freeze' end as trait,
        1 as size,
        cast(null as varchar) as assessed_period,
        final_verdict,
        'reported' as verdict_basis,
        cast(null as varchar) as recheck_no,
        false as is_recheck,
        delivery_id,
        received_on,
        source_sheet,
        source_row
    from roster_topics
)

select * from units
