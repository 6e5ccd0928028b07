{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key=['sample_no', 'analyte']) }}
with raw as (
    select *, cast(strptime({{ file_day() }}, '%Y%m%d') as date) as delivery_day
    from {{ delivered('results') }} {{ newer_files() }}
),
newest as (
    select * from raw
    qualify row_number() over (partition by sample_no, analyte order by delivery_day desc) = 1
),
written as (
    select
        *,
        replace(replace(result_text, '＜', '<'), '×10^', 'e') as res,
        replace(limit_text, '×10^', 'e') as lim
    from newest
),
understood as (
    select
        *,
        case
            when res in ('未检出', 'ND') then 'ND'
            when starts_with(res, '<') then '<'
            when try_cast(res as double) is not null then '='
        end as qualifier,
        try_cast(ltrim(res, '<') as double) as value,
        case
            when lim = '不得检出' then 'ND'
            when starts_with(lim, '≥') then '>='
            when lim is not null then '<='
        end as limit_op,
        try_cast(ltrim(lim, '≤≥') as double) as limit_value
    from written
)
select
    sample_no, analyte, result_text, unit, limit_text, qualifier, value, limit_op, limit_value,
    case
        when qualifier is null or limit_op is null then null
        when limit_op = 'ND' then qualifier <> '='
        when limit_op = '<=' and qualifier = 'ND' then true
        when limit_op = '<=' and qualifier = '=' then value <= limit_value
        when limit_op = '<=' then case when value <= limit_value then true end
        when qualifier = 'ND' then false
        when qualifier = '=' then value >= limit_value
        when value <= limit_value then false
    end as conform,
    case verdict when '合格' then true when '不合格' then false end as lab_passed,
    delivery_day
from understood
