-- What samples of farm produce and food say of where they came from, to be added up.
with samples as (
    select * from latest.sample
    where domain in ('agri', 'food') and sampling_basis <> 'recheck'
),

described as (
    select
        source_id,
        domain,
        programme,
        sampling_basis,
        coalesce(link, 'UNSTATED') as link,
        coalesce(
            cast(extract(year from coalesce(sampled_on, reported_on, published_on)) as varchar),
            'UNKNOWN'
        ) as period,
        case
            when supplier_name is not null or supplier_uscc is not null then 1
            when link = 'production' and coalesce(producer_name, entity_name) is not null then 1
            else 0
        end as has_supplier,
        case when batch_no is not null or produced_on is not null then 1 else 0 end as has_batch,
        case when trace_code is not null then 1 else 0 end as has_trace_code,
        case
            when supplier_name is not null or supplier_uscc is not null or trace_code is not null
                then 1
            else 0
        end as states_trace
    from samples
),

trace_marks as (
    select
        source_id,
        domain,
        programme,
        sampling_basis,
        link,
        period,
        count(*) as samples,
        sum(has_supplier) as with_supplier,
        sum(has_batch) as with_batch,
        sum(has_trace_code) as with_trace_code,
        sum(has_supplier * has_batch * has_trace_code) as complete,
        sum(states_trace) as stating_trace
    from described
    group by 1, 2, 3, 4, 5, 6
)

select * from trace_marks
