-- The firms of each sample, in the role in which each stands behind it, as they were on that day.
--
-- A firm that stands behind a sample in several roles has one row: as producer before as the place
-- of sampling before as supplier. What it was (roster) and its credit class (ratings) are those of
-- the day on which the sample counts: ratings that came later say nothing about what was known when
-- the sample was drawn. Rechecks are no samples of their own.
with verdicts as (
    select * from fact.verdict
    where unit_kind = 'sample' and not is_recheck
),

firm_periods as (
    select * from fact.firm_period
),

credit_periods as (
    select * from fact.credit_period
),

judged as (
    select
        source_id,
        unit_no as sample_no,
        domain,
        programme,
        sampling_basis,
        coverage,
        counted_on,
        division_code,
        product_category,
        coalesce(link, 'UNSTATED') as link,
        final_verdict,
        producer_uscc,
        producer_name,
        entity_uscc,
        entity_name,
        supplier_uscc,
        supplier_name
    from verdicts
),

roles as (
    select 'producer' as firm_role
    union all
    select 'sampled_at' as firm_role
    union all
    select 'supplier' as firm_role
),

placed as (
    select
        judged.*,
        roles.firm_role,
        case
            when roles.firm_role = 'producer' then judged.producer_uscc
            when
                roles.firm_role = 'sampled_at'
                and (judged.producer_uscc is null or judged.producer_uscc <> judged.entity_uscc)
                then judged.entity_uscc
            when
                roles.firm_role = 'supplier'
                and (judged.producer_uscc is null or judged.producer_uscc <> judged.supplier_uscc)
                and (judged.entity_uscc is null or judged.entity_uscc <> judged.supplier_uscc)
                then judged.supplier_uscc
        end as firm_uscc,
        case
            when roles.firm_role = 'producer' then judged.producer_name
            when roles.firm_role = 'sampled_at' then judged.entity_name
            else judged.supplier_name
        end as firm_name,
        roles.firm_role = 'producer'
        or (roles.firm_role = 'sampled_at' and judged.producer_uscc is null) as answers
    from judged
    cross join roles
),

named as (
    select * from placed
    where firm_uscc is not null
),

sample_firms as (
    select
        named.source_id,
        named.sample_no,
        named.firm_uscc,
        named.firm_role,
        named.answers,
        named.firm_name,
        named.domain,
        named.programme,
        named.sampling_basis,
        named.coverage,
        named.counted_on,
        named.division_code,
        named.product_category,
        named.link,
        named.final_verdict,
        coalesce(firm_periods.subject_type, 'UNSTATED') as subject_type,
        firm_periods.cluster,
        coalesce(firm_periods.firm_class, 'UNSTATED') as firm_class,
        firm_periods.chain,
        firm_periods.chain_role,
        coalesce(credit_periods.credit_class, 'UNRATED') as credit_class
    from named
    left join firm_periods
        on
            named.firm_uscc = firm_periods.entity_uscc
            and named.counted_on >= firm_periods.valid_from
            and (firm_periods.valid_to is null or named.counted_on < firm_periods.valid_to)
    left join credit_periods
        on
            named.firm_uscc = credit_periods.entity_uscc
            and named.counted_on >= credit_periods.valid_from
            and (credit_periods.valid_to is null or named.counted_on < credit_periods.valid_to)
)

select * from sample_firms
