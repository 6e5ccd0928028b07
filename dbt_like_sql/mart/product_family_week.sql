-- Failures of each product family by week, for control charts: programmes and bases stand apart.
with weeks as (
    select * from counts.product_family_week
),

build as (
    select * from meta.build
),

product_family_weeks as (
    select
        weeks.*,
        build.as_of
    from weeks
    cross join build
)

select * from product_family_weeks
