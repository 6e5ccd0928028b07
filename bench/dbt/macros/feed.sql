{% macro delivered(stem) %}
read_csv(
    [{% for folder in env_var('BENCH_FEED').split(',') %}'{{ folder }}/{{ stem }}_*.csv'{{ ', ' if not loop.last }}{% endfor %}],
    all_varchar = true, header = true, filename = true
)
{% endmacro %}

{% macro file_day() %}right(filename, 12)[:8]{% endmacro %}

{# Once there is history, only files of later days are read. #}
{% macro newer_files() %}
{% if is_incremental() %}
{% set last = run_query("select strftime(max(delivery_day), '%Y%m%d') from " ~ this).columns[0].values()[0] %}
where {{ file_day() }} > '{{ last }}'
{% endif %}
{% endmacro %}

{% macro newer_rows() %}
{% if is_incremental() %}and delivery_day > (select max(delivery_day) from {{ this }}){% endif %}
{% endmacro %}

{% macro as_date(cell) %}
cast(try_strptime({{ cell }}, ['%Y-%m-%d', '%Y/%m/%d', '%Y.%m.%d', '%Y%m%d']) as date)
{% endmacro %}

{# GB 32100-2015: 17 characters of 31 and a check character. #}
{% macro is_credit_code(cell) %}
{%- set alphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY' -%}
(regexp_full_match({{ cell }}, '[{{ alphabet }}]{18}') and (31 - (
    {%- for place in range(17) %}
    {{ 3 ** place % 31 }} * (strpos('{{ alphabet }}', substr({{ cell }}, {{ place + 1 }}, 1)) - 1){{ ' +' if not loop.last }}
    {%- endfor %}) % 31) % 31 = strpos('{{ alphabet }}', substr({{ cell }}, 18, 1)) - 1)
{%- endmacro %}

{% macro rules() %}
{{ return(['missing_sample_no', 'bad_sample_no', 'unknown_programme', 'bad_sampled_on', 'unknown_region',
    'unknown_category', 'bad_producer_uscc', 'bad_sampled_uscc', 'produced_after_sampled',
    'reported_before_sampled', 'missing_verdict']) }}
{% endmacro %}

{% macro wilson(sign) %}
(passed + 1.9207294103470627 {{ sign }} 1.959963984540054 * sqrt(passed * (n - passed) / n + 0.9603647051735313))
/ (n + 3.8414588206941254)
{% endmacro %}
