-- What a firm was, from which day to which: stretches of time that never overlap.
--
-- An entry ends where it says, or where the next entry of the firm begins. Where two entries, of
-- one source or of several, begin on the same day, the one received last counts.
with entries as (
    select * from latest.firm
),

first_days as (
    select
        *,
        row_number() over (
            partition by entity_uscc, valid_from
            order by received_on desc, source_id desc
        ) as place
    from entries
),

following as (
    select
        *,
        lead(valid_from) over (partition by entity_uscc order by valid_from) as next_from
    from first_days
    where place = 1
),

firm_periods as (
    select
        entity_uscc,
        valid_from,
        case
            when next_from is null then valid_to
            when valid_to is null or next_from < valid_to then next_from
            else valid_to
        end as valid_to,
        entity_name,
        division_code,
        firm_class,
        subject_type,
        cluster,
        industry_code,
        chain,
        chain_role,
        source_id,
        delivery_id,
        received_on,
        source_sheet,
        source_row
    from following
)

select * from firm_periods
