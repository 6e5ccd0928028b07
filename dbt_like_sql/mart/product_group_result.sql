-- What was found in groups of products that supervision looks at, by year.
--
-- A product is in a group on the day of sampling, told by a word of its name or category.
-- Programme, sampling basis and coverage are never summed over.
with firms as (
    select * from counts.product_group_firm
),

groups as (
    select * from ref.product_group
),

build as (
    select * from meta.build
),

names as (
    select
        group_id,
        min(name_zh) as group_name
    from groups
    group by group_id
),

counts as (
    select
        group_id,
        domain,
        programme,
        sampling_basis,
        coverage,
        year as period,
        sum(samples) as samples,
        count(distinct firm) as firms,
        sum(tested) as tested,
        sum(failed) as failed
    from firms
    group by 1, 2, 3, 4, 5, 6
),

product_group_results as (
    select
        counts.group_id,
        names.group_name,
        counts.domain,
        counts.programme,
        counts.sampling_basis,
        counts.coverage,
        counts.period,
        counts.samples,
        counts.firms,
        counts.failed as numerator,
        counts.tested as denominator,
        cast(counts.failed as double) / nullif(counts.tested, 0) as finding_rate,
        build.as_of
    from counts
    inner join names
        on counts.group_id = names.group_id
    cross join build
)

select * from product_group_results
