-- Which credit class a firm had, from which day to which: stretches of time that never overlap.
--
-- A rating ends where it says, or where the next one of the firm begins. Of two that begin on the
-- same day, in one source or in several, the one received last counts.
with ratings as (
    select * from latest.credit_rating
),

placed as (
    select
        *,
        row_number() over (
            partition by entity_uscc, valid_from
            order by received_on desc, source_id desc
        ) as place
    from ratings
),

following as (
    select
        *,
        lead(valid_from) over (partition by entity_uscc order by valid_from) as next_from
    from placed
    where place = 1
),

credit_periods as (
    select
        entity_uscc,
        valid_from,
        case
            when next_from is null then valid_to
            when valid_to is null or next_from < valid_to then next_from
            else valid_to
        end as valid_to,
        entity_name,
        credit_class,
        credit_score,
        source_id,
        delivery_id,
        received_on,
        source_sheet,
        source_row
    from following
)

select * from credit_periods
