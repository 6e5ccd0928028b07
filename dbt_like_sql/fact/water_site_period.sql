-- One row per place of water and period: the class of its worst item, and what follows from it.
--
-- Single factor: the worst of the 21 items decides (环办〔2011〕22号). What was not monitored is named
-- and not filled in. Items that are measured in fewer months than the period needs count with the
-- months that they have, and a class that rests on them alone is told. A source of drinking water
-- is held against class III of the items that ref.water_item names for sources (环办〔2011〕22号:
-- without chemical oxygen demand), and against the limits of the supplementary and specific ones
-- that were measured.
with item_periods as (
    select * from fact.water_item_period
),

sites as (
    select * from latest.water_site
),

items as (
    select * from ref.water_item
    where in_class = 'true'
),

rules as (
    select * from ref.water_period
),

heads as (
    select
        source_id,
        site_no,
        period_type,
        period,
        max(months) filter (where in_class) as months,
        min(months) filter (where in_class and class_no is not null) as fewest_months,
        max(class_no) filter (where in_class) as class_no,
        count(class_no) filter (where in_class) as items_judged,
        max(class_no) filter (where item_code = 'tn') as nitrogen_class_no,
        max(class_no) filter (where item_code = 'fc') as coliform_class_no,
        max(value) filter (where item_code = 'intake') as intake,
        count(class_no) filter (where item_group in ('supplementary', 'specific')) as source_items,
        max(class_no) filter (where in_source) as source_class_no,
        min(first_on) as first_on,
        max(last_on) as last_on,
        max(received_on) as received_on
    from item_periods
    group by source_id, site_no, period_type, period
),

worst_items as (
    select
        heads.source_id,
        heads.site_no,
        heads.period_type,
        heads.period,
        array_to_string(
            list_sort(
                list(item_periods.item_code) filter (
                    where
                    item_periods.in_class
                    and item_periods.class_no = heads.class_no
                    and item_periods.item_code is not null
                )
            ), '+'
        ) as worst_items,
        max(item_periods.months) filter (
            where item_periods.in_class and item_periods.class_no = heads.class_no
        ) as worst_months,
        array_to_string(
            list_sort(
                list(item_periods.item_code) filter (
                    where
                    item_periods.class_no > 3
                    and item_periods.in_source
                    and item_periods.item_code is not null
                )
            ), '+'
        ) as source_failures,
        max(
            {
                'class_no': item_periods.class_no,
                'delivery_id': item_periods.delivery_id,
                'source_row': item_periods.source_row
            }
        ) filter (
            where
            item_periods.class_no is not null
            and (item_periods.in_class or item_periods.in_source)
        ) as worst_row
    from heads
    inner join item_periods
        on
            heads.source_id = item_periods.source_id
            and heads.site_no = item_periods.site_no
            and heads.period_type = item_periods.period_type
            and heads.period = item_periods.period
    group by 1, 2, 3, 4
),

wanted_items as (
    select
        heads.source_id,
        heads.site_no,
        heads.period_type,
        heads.period,
        items.code as item_code
    from heads
    cross join items
),

missing_items as (
    select
        wanted_items.source_id,
        wanted_items.site_no,
        wanted_items.period_type,
        wanted_items.period,
        array_to_string(
            list_sort(
                list(wanted_items.item_code) filter (
                    where item_periods.class_no is null and wanted_items.item_code is not null
                )
            ), '+'
        ) as items_not_monitored
    from wanted_items
    left join item_periods
        on
            wanted_items.source_id = item_periods.source_id
            and wanted_items.site_no = item_periods.site_no
            and wanted_items.period_type = item_periods.period_type
            and wanted_items.period = item_periods.period
            and wanted_items.item_code = item_periods.item_code
    group by 1, 2, 3, 4
),

site_periods as (
    select
        heads.source_id,
        heads.site_no,
        heads.period_type,
        heads.period,
        sites.site_kind,
        cast(sites.functional_class as bigint) as functional_class,
        coalesce(sites.class_confirmed, false) as class_confirmed,
        coalesce(heads.months, 0) as months,
        coalesce(heads.fewest_months, 0) as fewest_months,
        coalesce(worst_items.worst_months < rules.months_needed, false)
            as is_decided_by_few_months,
        coalesce(heads.months, 0) >= rules.months_needed as is_assessed,
        heads.class_no,
        nullif(worst_items.worst_items, '') as worst_items,
        heads.items_judged,
        nullif(missing_items.items_not_monitored, '') as items_not_monitored,
        heads.nitrogen_class_no,
        heads.coliform_class_no,
        heads.class_no <= cast(sites.functional_class as bigint) as meets_functional_class,
        heads.class_no <= 3 as meets_class3,
        heads.source_items,
        heads.source_class_no <= 3 as meets_source_limits,
        nullif(worst_items.source_failures, '') as source_failures,
        heads.intake,
        heads.first_on,
        heads.last_on,
        heads.received_on,
        worst_items.worst_row['delivery_id'] as delivery_id,
        worst_items.worst_row['source_row'] as source_row
    from heads
    inner join rules
        on heads.period_type = rules.period_type
    inner join worst_items
        on
            heads.source_id = worst_items.source_id
            and heads.site_no = worst_items.site_no
            and heads.period_type = worst_items.period_type
            and heads.period = worst_items.period
    inner join missing_items
        on
            heads.source_id = missing_items.source_id
            and heads.site_no = missing_items.site_no
            and heads.period_type = missing_items.period_type
            and heads.period = missing_items.period
    left join sites
        on
            heads.source_id = sites.source_id
            and heads.site_no = sites.site_no
)

select * from site_periods
