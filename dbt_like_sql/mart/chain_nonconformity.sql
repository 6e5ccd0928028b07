-- Nonconformities upstream and what was found downstream of them.
--
-- For each sample that failed at or of a firm upstream: the samples that failed at a firm which it
-- supplies, on that day or within 180 days after. Same batch, the firm upstream named as the
-- supplier or producer of the sample downstream, or else same product category, tells how close
-- they are. Other products are a trace to follow in an industrial chain only, where what comes from
-- upstream is a part of what is made downstream; elsewhere two firms that have dealt with each
-- other have failed in this and that, which says nothing. A pair is no proof of a cause.
with links as (
    select * from fact.supply_link
),

failures as (
    select * from fact.firm_failure
    where counted_on is not null
),

pairs as (
    select
        upstream.source_id as upstream_source_id,
        upstream.sample_no as upstream_sample_no,
        downstream.source_id as downstream_source_id,
        downstream.sample_no as downstream_sample_no,
        links.upstream_uscc,
        links.upstream_name,
        links.downstream_uscc,
        links.downstream_name,
        links.link_kind,
        coalesce(upstream.chain, downstream.chain) as chain,
        upstream.chain_role as upstream_chain_role,
        upstream.product_name as upstream_product_name,
        downstream.product_name as downstream_product_name,
        upstream.counted_on as upstream_failed_on,
        downstream.counted_on as downstream_failed_on,
        date_diff('day', upstream.counted_on, downstream.counted_on) as days_between,
        case
            when
                upstream.source_id = downstream.source_id
                and upstream.sample_no = downstream.sample_no then 'same_sample'
            when upstream.batch_no = downstream.batch_no then 'same_batch'
            when links.upstream_uscc = downstream.supplier_uscc then 'named_supplier'
            when links.upstream_uscc = downstream.producer_uscc then 'named_supplier'
            when upstream.product_category = downstream.product_category then 'same_category'
            else 'other_product'
        end as closeness
    from links
    inner join failures as upstream
        on links.upstream_uscc = upstream.firm_uscc
    inner join failures as downstream
        on links.downstream_uscc = downstream.firm_uscc
    where downstream.firm_role = 'sampled_at'
),

close_pairs as (
    select * from pairs
    where
        days_between between 0 and 180
        and (closeness <> 'other_product' or chain is not null)
),

-- Firms may be linked in both ways: pairs are few, and links are not.
chain_nonconformities as (
    select
        upstream_source_id,
        upstream_sample_no,
        downstream_source_id,
        downstream_sample_no,
        upstream_uscc,
        min(upstream_name) as upstream_name,
        downstream_uscc,
        min(downstream_name) as downstream_name,
        min(link_kind) as link_kind,
        chain,
        upstream_chain_role,
        upstream_product_name,
        downstream_product_name,
        upstream_failed_on,
        downstream_failed_on,
        days_between,
        closeness
    from close_pairs
    group by 1, 2, 3, 4, 5, 7, 10, 11, 12, 13, 14, 15, 16, 17
)

select * from chain_nonconformities
