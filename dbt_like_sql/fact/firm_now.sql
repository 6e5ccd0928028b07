-- What each firm is as of the last day, by roster and ratings.
--
-- The day itself is no column: most nights nothing of this changes, and the file stays as it was.
with firm_periods as (
    select * from fact.firm_period
),

credit_periods as (
    select * from fact.credit_period
),

build as (
    select * from meta.build
),

registered as (
    select
        firm_periods.entity_uscc,
        firm_periods.entity_name,
        firm_periods.subject_type,
        firm_periods.chain,
        firm_periods.chain_role
    from firm_periods
    cross join build
    where
        build.as_of >= firm_periods.valid_from
        and (firm_periods.valid_to is null or build.as_of < firm_periods.valid_to)
),

rated as (
    select
        credit_periods.entity_uscc,
        credit_periods.credit_class
    from credit_periods
    cross join build
    where
        build.as_of >= credit_periods.valid_from
        and (credit_periods.valid_to is null or build.as_of < credit_periods.valid_to)
),

firms_now as (
    select
        coalesce(registered.entity_uscc, rated.entity_uscc) as entity_uscc,
        registered.entity_name,
        registered.subject_type,
        registered.chain,
        registered.chain_role,
        coalesce(rated.credit_class, 'UNRATED') as credit_class
    from registered
    full outer join rated
        on registered.entity_uscc = rated.entity_uscc
)

select * from firms_now
