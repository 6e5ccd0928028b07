{{ config(materialized='incremental', incremental_strategy='append') }}
with raw as materialized (
    select *, cast(strptime({{ file_day() }}, '%Y%m%d') as date) as delivery_day
    from {{ delivered('samples') }} {{ newer_files() }}
),
codes as materialized (
    select producer_uscc as code from raw union select sampled_uscc from raw
),
bad_codes as materialized (
    select code from codes where code is not null and not {{ is_credit_code('code') }}
),
typed as (
    select
        raw.*,
        {{ as_date('sampled_on') }} as sampled_date,
        {{ as_date('produced_on') }} as produced_date,
        try_cast(reported_on as date) as reported_date,
        case
            when lower(trim(verdict)) in ('合格', 'pass', '符合') then true
            when lower(trim(verdict)) in ('不合格', 'fail', '不符合') then false
        end as passed,
        try_cast(replace(lot_qty, ',', '') as decimal(12, 1)) as quantity,
        try_cast(replace(unit_price, '¥', '') as decimal(12, 2)) as price
    from raw
)
select
    typed.*,
    nullif(concat_ws(',',
        case when sample_no is null then 'missing_sample_no' end,
        case when not regexp_full_match(sample_no, 'XBJ\d{17}') then 'bad_sample_no' end,
        case when p.programme is null then 'unknown_programme' end,
        case when sampled_date is null then 'bad_sampled_on' end,
        case when r.region_code is null then 'unknown_region' end,
        case when c.category is null then 'unknown_category' end,
        case when b1.code is not null then 'bad_producer_uscc' end,
        case when b2.code is not null or sampled_uscc is null then 'bad_sampled_uscc' end,
        case when produced_date > sampled_date then 'produced_after_sampled' end,
        case when reported_date < sampled_date then 'reported_before_sampled' end,
        case when passed is null then 'missing_verdict' end
    ), '') as rules
from typed
left join {{ ref('programme') }} as p on typed.programme = p.programme
left join {{ ref('region') }} as r on typed.region_code = r.region_code
left join {{ ref('category') }} as c on typed.domain = c.domain and typed.category = c.category
left join bad_codes as b1 on typed.producer_uscc = b1.code
left join bad_codes as b2 on typed.sampled_uscc = b2.code
