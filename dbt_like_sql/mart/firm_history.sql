-- The record of each firm: how its samples came out, by role and sampling basis.
--
-- Counts only: samples of several bases stand in rows of their own and give no rate together.
with records as (
    select * from counts.firm_record
),

firm_periods as (
    select * from fact.firm_period
),

credit_periods as (
    select * from fact.credit_period
),

build as (
    select * from meta.build
),

firm_histories as (
    select
        records.firm_uscc,
        records.firm_role,
        records.sampling_basis,
        coalesce(firm_periods.entity_name, records.firm_name) as firm_name,
        records.tested,
        records.passed,
        records.conditional,
        records.failed,
        records.first_sampled_on,
        records.last_sampled_on,
        records.last_failed_on,
        records.passed_since_failure,
        firm_periods.subject_type,
        firm_periods.chain,
        firm_periods.chain_role,
        coalesce(credit_periods.credit_class, 'UNRATED') as credit_class,
        build.as_of
    from records
    cross join build
    left join firm_periods
        on
            records.firm_uscc = firm_periods.entity_uscc
            and build.as_of >= firm_periods.valid_from
            and (firm_periods.valid_to is null or build.as_of < firm_periods.valid_to)
    left join credit_periods
        on
            records.firm_uscc = credit_periods.entity_uscc
            and build.as_of >= credit_periods.valid_from
            and (credit_periods.valid_to is null or build.as_of < credit_periods.valid_to)
)

select * from firm_histories
