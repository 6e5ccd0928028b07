-- Nonconformities upstream and what was found downstream of them.
--
-- For each sample that failed at or of a firm upstream: the samples that failed at a firm which it
-- supplies, on that day or within 180 days after. Same batch, the firm upstream named as the
-- supplier or producer of the sample downstream, or else same product category, tells how close
-- they are. Other products are a trace to follow in an industrial chain only, where what comes from
-- upstream is a part of what is made downstream; elsewhere two firms that have dealt with each
-- other have failed in this and that, which says nothing. A pair is no proof of a cause.
--
-- There are far more failures of linked firms than pairs that are close: until these are found,
-- only what tells how close they are is looked at; the wide rows are joined by their key at last.
with links as (
    select * from fact.supply_link
),

failures as (
    select * from fact.firm_failure
    where counted_on is not null
),

upstream_failures as (
    select
        source_id,
        sample_no,
        firm_uscc,
        firm_role,
        counted_on,
        batch_no,
        supplier_uscc,
        producer_uscc,
        product_category,
        chain is not null as is_of_chain
    from failures
),

downstream_failures as (
    select * from upstream_failures
    where firm_role = 'sampled_at'
),

-- Where one sample stands for both firms, its papers name the one upstream.
pairs as (
    select
        upstream.source_id as upstream_source_id,
        upstream.sample_no as upstream_sample_no,
        upstream.firm_uscc as upstream_uscc,
        downstream.source_id as downstream_source_id,
        downstream.sample_no as downstream_sample_no,
        downstream.firm_uscc as downstream_uscc,
        links.link_kind,
        date_diff('day', upstream.counted_on, downstream.counted_on) as days_between,
        upstream.is_of_chain or downstream.is_of_chain as is_of_chain,
        case
            when upstream.batch_no = downstream.batch_no then 1
            when upstream.firm_uscc = downstream.supplier_uscc then 2
            when upstream.firm_uscc = downstream.producer_uscc then 2
            when upstream.product_category = downstream.product_category then 3
            else 4
        end as closeness_rank
    from links
    inner join upstream_failures as upstream
        on links.upstream_uscc = upstream.firm_uscc
    inner join downstream_failures as downstream
        on links.downstream_uscc = downstream.firm_uscc
),

-- Firms may be linked in both ways.
close_pairs as (
    select
        upstream_source_id,
        upstream_sample_no,
        upstream_uscc,
        downstream_source_id,
        downstream_sample_no,
        downstream_uscc,
        min(link_kind) as link_kind,
        min(closeness_rank) as closeness_rank
    from pairs
    where
        days_between between 0 and 180
        and (closeness_rank < 4 or is_of_chain)
    group by 1, 2, 3, 4, 5, 6
),

chain_nonconformities as (
    select
        upstream.source_id as upstream_source_id,
        upstream.sample_no as upstream_sample_no,
        downstream.source_id as downstream_source_id,
        downstream.sample_no as downstream_sample_no,
        upstream.firm_uscc as upstream_uscc,
        upstream.firm_name as upstream_name,
        downstream.firm_uscc as downstream_uscc,
        downstream.firm_name as downstream_name,
        close_pairs.link_kind,
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
            when close_pairs.closeness_rank = 1 then 'same_batch'
            when close_pairs.closeness_rank = 2 then 'named_supplier'
            when close_pairs.closeness_rank = 3 then 'same_category'
            else 'other_product'
        end as closeness
    from close_pairs
    inner join failures as upstream
        on
            close_pairs.upstream_source_id = upstream.source_id
            and close_pairs.upstream_sample_no = upstream.sample_no
            and close_pairs.upstream_uscc = upstream.firm_uscc
    inner join failures as downstream
        on
            close_pairs.downstream_source_id = downstream.source_id
            and close_pairs.downstream_sample_no = downstream.sample_no
            and close_pairs.downstream_uscc = downstream.firm_uscc
)

select * from chain_nonconformities
