"""The lint of SQL models: each forbidden construct is found, at its line, with what to write."""

from pathlib import Path

import pytest

from warehouse.contract import parse_contract
from warehouse.engine.lint import lint_models
from warehouse.engine.lint_sums import sum_findings
from warehouse.engine.model import SqlModel, parse_select, tables_read

CONTRACT = parse_contract(
    {
        "table": "mart.example",
        "description": "A table for tests of the lint.",
        "grain": "one source",
        "key": ["source_id"],
        "columns": ["source_id"],
    },
    "example.yml",
)
TEMPLATE = """-- One row per sample.
with samples as (
    select * from core.sample
),

results as (
    select * from core.test_result
),

step as (
    {step}
)

select * from step"""


def lint(sql: str) -> list[tuple[int, str]]:
    reads = tables_read(parse_select(sql, "example.sql"), "example.sql")
    path = Path("dbt_like_sql/mart/example.sql")
    model = SqlModel("mart.example", path, sql, CONTRACT, reads, {}, ())
    findings = lint_models({"mart.example": model})
    assert all(f.file == "dbt_like_sql/mart/example.sql" and f.instead for f in findings)
    return [(finding.line, finding.construct) for finding in findings]


def lint_step(step: str) -> list[tuple[int, str]]:
    """Findings in the last step, which joins all results to all samples unless it says else."""
    return lint(TEMPLATE.format(step=step))


def lint_expression(expression: str) -> list[str]:
    found = lint_step(
        f"select {expression} as x\n"
        "    from samples as s inner join results as r on s.sample_no = r.sample_no"
    )
    assert all(line == 11 for line, _ in found)
    return [construct for _, construct in found]


@pytest.mark.parametrize(
    ("expression", "construct"),
    [
        ("mode(s.brand)", "mode()"),
        ("first(s.brand)", "first()"),
        ("last(s.brand)", "last()"),
        ("any_value(s.brand)", "any_value()"),
        ("approx_count_distinct(s.brand)", "approx_distinct()"),
        ("approx_quantile(r.seq, 0.5)", "approx_quantile()"),
        ("hash(s.brand)", "hash()"),
        ("random()", "rand()"),
        ("uuid()", "uuid()"),
        ("now()", "now()"),
        ("current_date", "current_date()"),
        ("current_timestamp", "current_timestamp()"),
        ("today()", "current_date()"),
        ("log(r.seq)", "log()"),
        ("concat(s.brand, s.batch_no)", "concat()"),
        ("levenshtein(s.brand, s.batch_no)", "levenshtein()"),
        ("no_such_function(s.brand)", "no_such_function()"),
        ("date_diff('month', s.produced_on, s.sampled_on)", "date_diff in other units than day"),
        ("extract(dow from s.sampled_on)", "extract(dow …)"),
        ("extract(isodow from s.sampled_on)", "extract(isodow …)"),
        ("extract(epoch from s.sampled_on)", "extract(epoch …)"),
        ("regexp_replace(s.brand, 'a', 'b')", "regexp_replace without 'g'"),
        ("list(s.brand order by s.batch_no)", "list(… order by …)"),
        ("list_sort(list(s.brand))", "list() that may hold NULL"),
        ("list(s.brand) filter (where s.brand is not null)", "list() in no order"),
        ("r.seq / r.version", "division by r.version"),
        ("r.seq % r.version", "division by r.version"),
        ("r.seq / 0", "division by 0"),
        ("grouping(s.brand, s.batch_no)", "grouping() of several columns"),
        ("r.value / nullif(r.seq, 0)", "decimal division r.value / NULLIF(r.seq, 0)"),
        ("avg(r.value)", "avg() of decimals"),
        ("cast(r.value as integer)", "cast of a fraction to int"),
        ("r.value::bigint", "cast of a fraction to bigint"),
        ("cast(r.seq / nullif(r.version, 0) as bigint)", "cast of a fraction to bigint"),
        ("try_cast(r.value as bigint)", "cast of a fraction to bigint"),
    ],
)
def test_forbidden_expressions_are_found(expression: str, construct: str) -> None:
    assert construct in lint_expression(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "count(*) filter (where s.verdict = 'pass')",
        "count(distinct s.entity_uscc)",
        "r.seq / nullif(r.version, 0)",
        "r.seq / 2",
        "cast(r.value as double) / nullif(cast(r.lod as double), 0)",
        "avg(cast(r.value as double))",
        "cast(round(r.value) as bigint)",
        "cast(s.sample_no as bigint)",
        "date_diff('day', s.produced_on, s.sampled_on)",
        "date_trunc('month', s.sampled_on)",
        "extract(quarter from s.sampled_on)",
        "regexp_replace(s.brand, 'a', 'b', 'g')",
        "list_sort(list(s.brand) filter (where s.brand is not null))",
        "lag(r.seq) over (partition by s.brand order by s.sampled_on)",
        "quantile_cont(cast(r.value as double), 0.95)",
        "try_cast(s.remark as date)",
        "coalesce(s.brand, '') || '/' || upper(trim(s.batch_no))",
        "regexp_matches(s.brand, '^a') and s.brand like 'a%'",
    ],
)
def test_portable_expressions_pass(expression: str) -> None:
    assert lint_expression(expression) == []


@pytest.mark.parametrize(
    ("step", "construct"),
    [
        ("select distinct on (brand) brand from samples, results", "distinct on"),
        ("select * from samples qualify row_number() over (order by sample_no) = 1",
         "select * with qualify"),
        ("select * exclude (brand) from samples", "* with exclude, replace or rename"),
        ("select * replace ('x' as brand) from samples", "* with exclude, replace or rename"),
        ("select brand from samples union all by name select unit as brand from results",
         "union by name"),
        ("select r.unit from samples as s asof join results as r on s.version >= r.version",
         "asof join"),
        ("select brand from samples natural join results", "natural join"),
        ("pivot samples on verdict using count(*)", "pivot"),
        ("select brand from samples using sample 10 rows", "sample"),
        ("select list_filter(['a'], lambda x: x = brand) as x from samples", "lambda"),
        ("select ['a', 'b'][1:2] as x from samples", "list slice"),
        ("select len(['a', 'b']) as x from samples", "length of a list"),
        ("with a as materialized (from samples) select brand from a", "a as materialized"),
        ("with a as not materialized (from samples) select brand from a", "a as not materialized"),
        ("select row_number() over () as n from samples", "row_number() in no order"),
        ("select row_number() over (partition by brand) as n from samples",
         "row_number() in no order"),
        ("select row_number() over (order by 1) as n from samples", "row_number() in no order"),
        ("select brand from samples qualify rank() over w = 1 window w as (partition by brand)",
         "rank() in no order"),
        ("select lag(seq ignore nulls) over (partition by unit) as x from results",
         "lag() in no order"),
    ],
)  # fmt: skip
def test_forbidden_statements_are_found(step: str, construct: str) -> None:
    assert construct in [found for _, found in lint_step(step)]


@pytest.mark.parametrize(
    "step",
    [
        "select row_number() over (partition by brand order by sample_no) as n from samples",
        "select count(*) over (partition by brand) as n from samples",
        "select lag(brand) over w as x from samples window w as (order by sample_no)",
        "select lag(brand) over w as x from samples window v as (order by seq), w as (v)",
    ],
)
def test_windows_pass_whose_functions_have_the_order_that_they_need(step: str) -> None:
    assert not any("order" in found for _, found in lint_step(step))


def test_findings_name_the_line() -> None:
    step = "select\n        brand,\n        hash(brand) as x,\n        now() as y\n    from samples"
    assert (13, "hash()") in lint_step(step)
    assert (14, "now()") in lint_step(step)


def test_names_that_do_not_resolve_are_found() -> None:
    assert "names that do not resolve" in [c for _, c in lint_step("select colour from samples")]


def test_house_style_asks_for_comment_imports_steps_and_a_final_select() -> None:
    assert [construct for _, construct in lint("select source_id from core.sample")] == [
        "no comment on top",
        "no named steps",
    ]
    joined = """-- One row per sample.
with both_tables as (
    select core.sample.source_id
    from core.sample inner join core.test_result using (sample_no)
),

unused as (
    select 1 as one
)

select source_id, count(*) from both_tables group by source_id"""
    assert lint(joined) == [
        (2, "both_tables reads a table"),
        (7, "unused is read by nothing"),
        (11, "final select"),
    ]


def test_a_left_join_on_a_condition_of_one_side_is_found() -> None:
    step = "select r.seq from samples as s left join results as r on {}"
    both = "s.sample_no = r.sample_no and s.source_id = r.source_id"
    assert lint_step(step.format(both)) == []
    assert lint_step(step.format(f"{both} and r.seq = 1")) == []
    found = lint_step(step.format(f"{both} and s.domain = 'food'"))
    assert found == [(11, "left join on s.domain = 'food', which looks at one side")]


@pytest.mark.parametrize(
    ("step", "construct"),
    [
        ("select brand, count(*) as n, sum(seq) as s from samples group by 1", None),
        ("select source_id, sample_no, max(seq) as last from samples group by 1, 2", None),
        ("select distinct brand from samples", None),
        ("select brand, max(code) as code from names group by brand", None),
        ("select rank() over (partition by source_id, sample_no order by seq) from samples", None),
        ("select brand, max(seq) as last from samples group by brand", "max()"),
        ("select source_id, avg(seq) as a from samples group by 1", "avg()"),
        ("select brand, count(distinct seq) as n from samples group by 1", "count(distinct …)"),
        ("select *, rank() over (partition by brand order by seq) as r from samples", "window"),
        ("select * from samples order by seq limit 5", "limit"),
        ("select brand from samples except select brand from names", "except"),
    ],
)
def test_what_adds_up_looks_at_one_sample_at_a_time(step: str, construct: str | None) -> None:
    sql = (
        "with first as (select * from fact.a), samples as (select * from first),"
        f" names as (select * from ref.b), step as ({step}) select * from step"
    )
    found = [construct for _, construct, _ in sum_findings(parse_select(sql, "a"), {"fact.a"})]
    assert len(found) == (construct is not None)
    assert all(each.startswith(str(construct)) for each in found)
