-- Who supplied whom, as the papers of samples say: producer or supplier, and where it was sampled.
with samples as (
    select * from latest.sample
    where sampling_basis <> 'recheck'
),

links as (
    select
        supplier_uscc as upstream_uscc,
        entity_uscc as downstream_uscc,
        'supplier' as link_kind,
        supplier_name as upstream_name,
        entity_name as downstream_name,
        coalesce(sampled_on, reported_on, published_on) as seen_on
    from samples
    where supplier_uscc is not null and entity_uscc is not null
    union all
    select
        producer_uscc as upstream_uscc,
        entity_uscc as downstream_uscc,
        'producer' as link_kind,
        producer_name as upstream_name,
        entity_name as downstream_name,
        coalesce(sampled_on, reported_on, published_on) as seen_on
    from samples
    where producer_uscc is not null and entity_uscc is not null
),

supply_links as (
    select
        upstream_uscc,
        downstream_uscc,
        link_kind,
        min(upstream_name) as upstream_name,
        min(downstream_name) as downstream_name,
        count(*) as samples,
        min(seen_on) as first_seen_on,
        max(seen_on) as last_seen_on
    from links
    where upstream_uscc <> downstream_uscc
    group by 1, 2, 3
)

select * from supply_links
