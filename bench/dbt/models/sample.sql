{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='sample_no') }}
select
    sample_no, domain, programme, sampled_date as sampled_on, region_code, category, link, producer_uscc,
    sampled_uscc, product_name, batch_no, produced_date as produced_on, lab_code, reported_date as reported_on,
    passed, quantity as lot_qty, price as unit_price, remark, delivery_day
from {{ ref('received') }}
where rules is null {{ newer_rows() }}
qualify row_number() over (partition by sample_no order by delivery_day desc) = 1
