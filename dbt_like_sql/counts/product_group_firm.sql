-- Samples of groups of products that supervision looks at, by year and firm, to be added up.
--
-- A product is in a group on the day of sampling, told by a word of its name or category.
with verdicts as (
    select * from fact.verdict
    where unit_kind = 'sample' and not is_recheck
),

groups as (
    select * from ref.product_group
),

described as (
    select
        source_id,
        unit_no,
        domain,
        programme,
        sampling_basis,
        coverage,
        counted_on,
        coalesce(product_category, '') as product_category,
        coalesce(product_name, '') as product_name,
        coalesce(producer_uscc, entity_uscc, producer_name, entity_name) as firm,
        final_verdict
    from verdicts
),

-- Words are looked for once in each product, not in each sample.
products as (
    select distinct
        domain,
        product_category,
        product_name
    from described
),

known_products as (
    select distinct
        products.domain,
        products.product_category,
        products.product_name,
        groups.group_id,
        groups.valid_from,
        groups.valid_to
    from products
    inner join groups
        on
            products.domain = groups.domain
            and (
                (
                    groups.column_name = 'product_name'
                    and products.product_name like '%' || groups.term || '%'
                )
                or (
                    groups.column_name = 'product_category'
                    and products.product_category like '%' || groups.term || '%'
                )
            )
),

grouped as (
    select distinct
        known_products.group_id,
        described.*
    from described
    inner join known_products
        on
            described.domain = known_products.domain
            and described.product_category = known_products.product_category
            and described.product_name = known_products.product_name
            and described.counted_on >= known_products.valid_from
            and (
                known_products.valid_to is null or described.counted_on < known_products.valid_to
            )
),

product_group_firms as (
    select
        group_id,
        domain,
        programme,
        sampling_basis,
        coverage,
        cast(extract(year from counted_on) as varchar) as year,
        firm,
        count(*) as samples,
        count(*) filter (where final_verdict in ('pass', 'conditional', 'fail')) as tested,
        count(*) filter (where final_verdict = 'fail') as failed
    from grouped
    group by 1, 2, 3, 4, 5, 6, 7
)

select * from product_group_firms
