{{ config(materialized='incremental', incremental_strategy='append') }}
select
    sample_no, domain, programme, sampled_on, region_code, category, link, producer_uscc, sampled_uscc,
    product_name, batch_no, produced_on, lab_code, reported_on, verdict, lot_qty, unit_price, remark,
    delivery_day, rules
from {{ ref('received') }}
where rules is not null {{ newer_rows() }}
