-- Firms, and the samples that they answer for, by what the firm was on the day, to be added up.
--
-- A firm counts once in each group and year. A workshop that works in no cluster is `outside`;
-- firms that are no workshops have no part in that comparison.
with answering as (
    select * from counts.firm_year
),

grouped as (
    select
        answering.*,
        'subject_type' as group_type,
        answering.subject_type as group_name
    from answering
    union all
    select
        answering.*,
        'workshop_cluster' as group_type,
        case when answering.cluster = '' then 'outside' else 'inside' end as group_name
    from answering
    where answering.subject_type = 'workshop'
    union all
    select
        answering.*,
        'cluster' as group_type,
        answering.cluster as group_name
    from answering
    where answering.cluster <> ''
    union all
    select
        answering.*,
        'credit_class' as group_type,
        answering.credit_class as group_name
    from answering
    union all
    select
        answering.*,
        'chain' as group_type,
        answering.chain as group_name
    from answering
    where answering.chain <> ''
    union all
    select
        answering.*,
        'chain_role' as group_type,
        answering.chain || '/' || answering.chain_role as group_name
    from answering
    where answering.chain <> '' and answering.chain_role <> ''
),

firms as (
    select
        group_type,
        group_name,
        domain,
        programme,
        sampling_basis,
        coverage,
        period,
        firm_uscc,
        sum(tested) as tested,
        sum(passed) as passed,
        sum(failed) as failed
    from grouped
    group by 1, 2, 3, 4, 5, 6, 7, 8
),

firm_groups as (
    select
        group_type,
        group_name,
        domain,
        programme,
        sampling_basis,
        coverage,
        period,
        count(*) as firms,
        sum(tested) as tested,
        sum(passed) as passed,
        sum(failed) as failed
    from firms
    group by 1, 2, 3, 4, 5, 6, 7
)

select * from firm_groups
