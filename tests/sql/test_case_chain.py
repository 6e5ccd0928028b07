"""From events to the status of a clock: no illegal event repairs a rate."""

import datetime as dt

import duckdb
import pytest

from warehouse.engine.model import contract_of, load_models
from warehouse.engine.run import create_empty_table, register_references

MODELS = load_models()
CHAIN = ("case_event", "case_state", "clock_run", "clock_extension", "case_clock")
RECEIVED = ("received", "2024-03-01", "2024-03-20")

# Events with their days and the due days that they state; state, exclusion, status and due day.
CASES: dict[str, tuple[list[tuple[str, str, str | None]], tuple[str, str | None, str, str]]] = {
    "withdrawn after it was closed late": (
        [RECEIVED, ("closed", "2024-03-25", None), ("withdrawn", "2024-03-26", None)],
        ("closed", None, "late", "2024-03-20"),
    ),
    "taken up again after the end, then withdrawn": (
        [
            RECEIVED,
            ("closed", "2024-03-25", None),
            ("accepted", "2024-03-26", None),
            ("withdrawn", "2024-03-27", None),
        ],
        ("closed", None, "late", "2024-03-20"),
    ),
    "withdrawn while it was open": (
        [RECEIVED, ("withdrawn", "2024-03-26", None)],
        ("withdrawn", "withdrawn", "excluded", "2024-03-20"),
    ),
    "reopened after the due day that was met": (
        [
            RECEIVED,
            ("closed", "2024-03-10", None),
            ("reopened", "2024-03-25", "2024-04-05"),
            ("closed", "2024-04-01", None),
        ],
        ("closed", None, "on_time", "2024-04-05"),
    ),
    "reopened before the due day": (
        [
            RECEIVED,
            ("closed", "2024-03-10", None),
            ("reopened", "2024-03-15", "2024-04-05"),
            ("closed", "2024-04-01", None),
        ],
        ("closed", None, "on_time", "2024-04-05"),
    ),
    "reopened after the due day that was missed": (
        [
            RECEIVED,
            ("closed", "2024-03-21", None),
            ("reopened", "2024-03-25", "2024-04-05"),
            ("closed", "2024-04-01", None),
        ],
        ("closed", None, "late", "2024-03-20"),
    ),
    "reopened without having been closed": (
        [RECEIVED, ("reopened", "2024-03-25", "2024-04-05"), ("closed", "2024-04-01", None)],
        ("closed", None, "late", "2024-03-20"),
    ),
    "reopened in between what does not count": (
        [
            RECEIVED,
            ("closed", "2024-03-10", None),
            ("withdrawn", "2024-03-11", None),
            ("reopened", "2024-03-25", "2024-04-05"),
        ],
        ("reopened", None, "open_overdue", "2024-04-05"),
    ),
}


@pytest.fixture(scope="module")
def found() -> dict[str, tuple[str, str | None, str, dt.date]]:
    chain = {f"fact.{name}": MODELS[f"fact.{name}"] for name in CHAIN}
    with duckdb.connect() as con:
        register_references(con, frozenset().union(*(model.depends_on for model in chain.values())))
        create_empty_table(con, contract_of("latest.case_event", MODELS))
        con.execute("CREATE SCHEMA IF NOT EXISTS meta")
        con.execute("CREATE TABLE meta.build AS SELECT DATE '2024-06-30' AS as_of")
        rows = [
            [case_no, f"{case_no}/{n}", *event]
            for case_no, (events, _) in CASES.items()
            for n, event in enumerate(events)
        ]
        con.executemany(
            """
            INSERT INTO latest.case_event BY NAME SELECT
                'a' AS source_id, 'engineering_complaint' AS case_type, 'construction' AS domain,
                $1 AS case_no, $2 AS event_no, $3 AS event_type,
                CAST($4 AS DATE) AS occurred_on, CAST($5 AS DATE) AS due_on
            """,
            rows,
        )
        con.execute("CREATE SCHEMA IF NOT EXISTS fact")
        for name, model in chain.items():
            con.execute(f"CREATE TABLE {name} AS {model.sql}")
        clocks = con.sql(
            """
            SELECT case_no, state, c.exclusion_reason, c.status, c.due_on
            FROM fact.case_state JOIN fact.case_clock AS c USING (source_id, case_no)
            WHERE c.clock_id = 'engineering_complaint_close'
            """
        ).fetchall()
    return {case_no: tuple(rest) for case_no, *rest in clocks}


@pytest.mark.parametrize("case_no", CASES)
def test_the_clock_of_a_complaint_stands_as_its_legal_events_say(
    found: dict[str, tuple[str, str | None, str, dt.date]], case_no: str
) -> None:
    state, excluded, status, due_on = CASES[case_no][1]
    assert found[case_no] == (state, excluded, status, dt.date.fromisoformat(due_on))
