with units as (
    select
        s.domain, strftime(sampled_on, '%Y-%m') as month, year(sampled_on) || 'Q' || quarter(sampled_on) as quarter,
        cast(year(sampled_on) as varchar) as year, region_code, category, passed
    from {{ ref('sample') }} as s
    inner join {{ ref('programme') }} as p on s.programme = p.programme
    where p.population = 1
),
cells as (
    select
        domain,
        case when grouping(month) = 0 then 'month' when grouping(quarter) = 0 then 'quarter' else 'year' end as period_type,
        coalesce(month, quarter, year) as period,
        coalesce(region_code, 'ALL') as region_code,
        coalesce(category, 'ALL') as category,
        count(*) as n,
        count(*) filter (passed) as passed
    from units
    group by grouping sets (
        {% for period in ['month', 'quarter', 'year'] %}
        (domain, {{ period }}, region_code, category), (domain, {{ period }}, region_code),
        (domain, {{ period }}, category), (domain, {{ period }}){{ ',' if not loop.last }}
        {% endfor %}
    )
)
select *, passed / n as rate, {{ wilson('-') }} as wilson_low, {{ wilson('+') }} as wilson_high from cells
