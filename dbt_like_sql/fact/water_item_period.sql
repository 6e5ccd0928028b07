-- One row per place, period and item of water: the mean of its months, and the class it is in.
--
-- A period is a month, a quarter, a year, or the year up to a month. The best class whose bounds
-- the mean keeps is the item's; 6 is worse than class V. Rounding to nine decimals takes away what
-- floating point adds, so that 0.2 keeps a limit of 0.2.
with item_months as (
    select * from fact.water_item_month
),

sites as (
    select * from latest.water_site
),

items as (
    select * from ref.water_item
),

limits as (
    select * from ref.water_limit
),

site_months as (
    select distinct
        source_id,
        site_no,
        month_start
    from item_months
),

periods as (
    select
        source_id,
        site_no,
        'month' as period_type,
        month_start as range_start,
        month_start as range_end
    from site_months
    union all
    select
        source_id,
        site_no,
        'quarter' as period_type,
        cast(date_trunc('quarter', month_start) as date) as range_start,
        max(month_start) as range_end
    from site_months
    group by source_id, site_no, cast(date_trunc('quarter', month_start) as date)
    union all
    select
        source_id,
        site_no,
        'year' as period_type,
        cast(date_trunc('year', month_start) as date) as range_start,
        max(month_start) as range_end
    from site_months
    group by source_id, site_no, cast(date_trunc('year', month_start) as date)
    union all
    select
        source_id,
        site_no,
        'year_to_date' as period_type,
        cast(date_trunc('year', month_start) as date) as range_start,
        month_start as range_end
    from site_months
),

named_periods as (
    select
        *,
        cast(extract(year from range_start) as varchar) as year,
        cast(extract(quarter from range_start) as varchar) as quarter_number,
        lpad(cast(extract(month from range_end) as varchar), 2, '0') as month_number
    from periods
),

item_periods as (
    select
        named_periods.source_id,
        named_periods.site_no,
        named_periods.period_type,
        case named_periods.period_type
            when 'year' then named_periods.year
            when 'quarter' then named_periods.year || 'Q' || named_periods.quarter_number
            else named_periods.year || '-' || named_periods.month_number
        end as period,
        item_months.item_code,
        count(item_months.value) as months,
        sum(item_months.results) as results,
        sum(item_months.below_detection) as below_detection,
        round(
            case
                when item_months.item_code = 'intake' then sum(item_months.value)
                else avg(item_months.value)
            end, 9
        ) as value,
        min(item_months.first_on) as first_on,
        max(item_months.last_on) as last_on,
        max(item_months.received_on) as received_on,
        max({
            'delivery_id': item_months.delivery_id, 'source_row': item_months.source_row
        }) as last_row
    from named_periods
    inner join item_months
        on
            named_periods.source_id = item_months.source_id
            and named_periods.site_no = item_months.site_no
            and named_periods.range_start <= item_months.month_start
            and named_periods.range_end >= item_months.month_start
    group by 1, 2, 3, 4, 5
),

placed_items as (
    select
        item_periods.*,
        coalesce(sites.water_body, 'river') as water_body
    from item_periods
    left join sites
        on
            item_periods.source_id = sites.source_id
            and item_periods.site_no = sites.site_no
),

kept_limits as (
    select
        placed_items.source_id,
        placed_items.site_no,
        placed_items.period_type,
        placed_items.period,
        placed_items.item_code,
        min(limits.class_no) filter (
            where
            round(placed_items.value, 9)
            >= round(coalesce(cast(limits.limit_low as double), placed_items.value), 9)
            and round(placed_items.value, 9)
            <= round(coalesce(cast(limits.limit_high as double), placed_items.value), 9)
        ) as best_class
    from placed_items
    inner join limits
        on
            placed_items.item_code = limits.item_code
            and (limits.water_body = 'any' or placed_items.water_body = limits.water_body)
    where placed_items.value is not null
    group by 1, 2, 3, 4, 5
),

classed_items as (
    select
        placed_items.source_id,
        placed_items.site_no,
        placed_items.period_type,
        placed_items.period,
        placed_items.item_code,
        items.item_group,
        coalesce(items.in_class = 'true', false) as in_class,
        coalesce(items.in_source = 'true', false) as in_source,
        placed_items.water_body,
        placed_items.months,
        placed_items.results,
        placed_items.below_detection,
        placed_items.value,
        case when kept_limits.item_code is not null then coalesce(kept_limits.best_class, 6) end
            as class_no,
        placed_items.first_on,
        placed_items.last_on,
        placed_items.received_on,
        placed_items.last_row['delivery_id'] as delivery_id,
        placed_items.last_row['source_row'] as source_row
    from placed_items
    left join items
        on placed_items.item_code = items.code
    left join kept_limits
        on
            placed_items.source_id = kept_limits.source_id
            and placed_items.site_no = kept_limits.site_no
            and placed_items.period_type = kept_limits.period_type
            and placed_items.period = kept_limits.period
            and placed_items.item_code = kept_limits.item_code
)

select * from classed_items
