-- One row per place, month and item of water: the mean of the month's measurements.
--
-- Below detection half the limit of detection counts (环办监测函〔2020〕82号). Readings of a station
-- that stands still or is being mended do not count, nor what was not understood. The intake of a
-- source is no concentration; it is added up and not averaged.
with measurements as (
    select * from latest.water_measurement
    where value is not null or qualifier = 'ND'
),

used_values as (
    select
        source_id,
        site_no,
        cast(date_trunc('month', measured_on) as date) as month_start,
        item_code,
        measured_on,
        qualifier in ('<', 'ND') as is_below_detection,
        case
            when qualifier = '<' then cast(value as double) / 2
            when qualifier = 'ND' then cast(lod as double) / 2
            else cast(value as double)
        end
        * case
            when unit in ('μg/L', 'µg/L', 'ug/L') then 0.001
            when unit = 'ng/L' then 0.000001
            when unit = '万m³' then 10000
            else 1
        end as used_value,
        delivery_id,
        received_on,
        source_row
    from measurements
    where
        coalesce(station_status, 'normal') = 'normal'
        and (value >= 0 or value is null or unit = '℃')
),

item_months as (
    select
        source_id,
        site_no,
        month_start,
        item_code,
        count(*) as results,
        count(*) filter (where is_below_detection) as below_detection,
        count(*) filter (where used_value is null) as without_limit,
        round(
            case when item_code = 'intake' then sum(used_value) else avg(used_value) end, 9
        ) as value,
        min(measured_on) as first_on,
        max(measured_on) as last_on,
        max(received_on) as received_on,
        max({ 'delivery_id': delivery_id, 'source_row': source_row }) as last_row
    from used_values
    group by source_id, site_no, month_start, item_code
),

item_month_values as (
    select
        source_id,
        site_no,
        month_start,
        item_code,
        results,
        below_detection,
        without_limit,
        value,
        first_on,
        last_on,
        received_on,
        last_row['delivery_id'] as delivery_id,
        last_row['source_row'] as source_row
    from item_months
)

select * from item_month_values
