with rejects as (
    select
        {% for rule in rules() %}
        count(*) filter (list_contains(string_split(rules, ','), '{{ rule }}')) as {{ rule }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('rejected') }}
),
arrived as (
    select count(*) as n, count(distinct (sample_no, delivery_day)) as arrivals
    from {{ ref('received') }} where rules is null
),
standing as (select count(*) as n from {{ ref('sample') }}),
results as (
    select
        count(*) filter (qualifier is null) as unparsed,
        count(*) filter (conform <> lab_passed) as disagrees
    from {{ ref('result') }}
)
{% for rule in rules() %}
select '{{ rule }}' as check_name, 'reject' as severity, {{ rule }} as failures from rejects union all
{% endfor %}
select 'duplicate_in_delivery', 'warn', n - arrivals from arrived union all
select 'superseded_version', 'warn', arrivals - standing.n from arrived, standing union all
select 'unknown_link', 'warn', count(*) from {{ ref('received') }} where link not in ('生产', '流通', '餐饮', '网络') union all
select 'orphan_result', 'warn', count(*) from {{ ref('result') }} as r anti join {{ ref('sample') }} as s using (sample_no) union all
select 'unparsed_result', 'warn', unparsed from results union all
select 'verdict_mismatch', 'warn', count(*) from {{ ref('sample') }} as s
    semi join (select sample_no from {{ ref('result') }} where not conform) as f using (sample_no) where passed union all
select 'lab_verdict_disagrees', 'warn', disagrees from results
