"""Compare a pipeline's five tables with the truth of the feed, figure by figure.

python bench/compare.py --db OUT.duckdb --truth bench/data/1000000/truth_base.json
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

Z = 1.959963984540054
TOLERANCE = 1e-9
SAMPLES = """
    SELECT count(*) AS rows, count(DISTINCT sample_no) AS keys,
        sum(CAST(sample_no[4:] AS HUGEINT)) AS sum_no,
        count(*) FILTER (passed) AS passed,
        sum(sampled_on - DATE '1970-01-01') AS sampled_days,
        sum(produced_on - DATE '1970-01-01') AS produced_days,
        count(*) - count(produced_on) AS produced_null,
        sum(delivery_day - DATE '1970-01-01') AS delivery_days,
        CAST(sum(lot_qty) AS DOUBLE) AS lot_qty, CAST(sum(unit_price) AS DOUBLE) AS unit_price,
        sum(length(product_name)) AS product_chars, sum(length(remark)) AS remark_chars,
        count(*) - count(producer_uscc) AS producer_null
    FROM sample
"""
RESULTS = """
    SELECT count(*) AS rows, count(*) FILTER (qualifier = '=') AS eq,
        count(*) FILTER (qualifier = '<') AS lt, count(*) FILTER (qualifier = 'ND') AS nd,
        CAST(sum(value) AS DOUBLE) AS sum_value, count(*) FILTER (conform) AS conform,
        count(*) FILTER (NOT conform) AS nonconform,
        count(*) FILTER (conform IS NULL) AS undetermined
    FROM result
"""
CELLS = """
    SELECT concat_ws('|', domain::VARCHAR, period_type, period, region_code::VARCHAR,
            category::VARCHAR) AS cell, n, passed, rate, wilson_low, wilson_high
    FROM indicator
"""


def figures(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, Any]]:
    """Name and value of every figure that the tables give."""
    for table, query in (("sample", SAMPLES), ("result", RESULTS)):
        relation = con.sql(query)
        row = relation.fetchall()[0]
        yield from (
            (f"{table} {name}", value) for name, value in zip(relation.columns, row, strict=True)
        )
    for axis in ("region", "programme"):
        column = "region_code" if axis == "region" else axis
        rows = con.execute(f"SELECT {column}::VARCHAR, count(*) FROM sample GROUP BY 1").fetchall()
        yield f"sample by {axis}", dict(rows)
    yield "rejected rows", con.execute("SELECT count(*) FROM rejected").fetchall()[0][0]
    rows = con.execute("SELECT rules, count(*) FROM rejected GROUP BY 1").fetchall()
    yield "rejected by rules", dict(rows)
    for name, failures in con.execute("SELECT check_name, failures FROM dq_check").fetchall():
        yield f"check {name}", failures
    for cell, n, passed, rate, low, high in con.execute(CELLS).fetchall():
        yield f"cell {cell}", [n, passed]
        yield f"cell {cell} rate", rate
        yield f"cell {cell} low", low
        yield f"cell {cell} high", high


def expected(truth: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Name and value of every figure that the truth gives."""
    rows, sample = truth["rows"], dict(truth["sample"])
    yield "sample by region", sample.pop("by_region")
    yield "sample by programme", sample.pop("by_programme")
    yield "sample rows", rows["sample"]
    yield "sample keys", rows["sample"]
    yield from ((f"sample {name}", value) for name, value in sample.items())
    yield "result rows", rows["result"]
    yield from ((f"result {name}", value) for name, value in truth["result"].items())
    yield "rejected rows", rows["rejected"]
    yield "rejected by rules", truth["rejected_by_rules"]
    yield from ((f"check {name}", value) for name, value in truth["dq"].items())
    for cell, (n, passed) in truth["indicator"].items():
        rate = passed / n
        middle = rate + Z * Z / (2 * n)
        half = Z * math.sqrt((rate * (1 - rate) + Z * Z / (4 * n)) / n)
        yield f"cell {cell}", [n, passed]
        yield f"cell {cell} rate", rate
        yield f"cell {cell} low", (middle - half) / (1 + Z * Z / n)
        yield f"cell {cell} high", (middle + half) / (1 + Z * Z / n)


def same(found: Any, wanted: Any) -> bool:
    """Equal; numbers with a fraction up to rounding."""
    if isinstance(wanted, float):
        return found is not None and math.isclose(
            float(found), wanted, rel_tol=TOLERANCE, abs_tol=1e-12
        )
    return bool(found == wanted)


def differences(db: Path, truth: Path) -> tuple[int, list[str]]:
    """How many figures were compared, and a line for each that differs."""
    wanted = dict(expected(json.loads(truth.read_text("utf-8"))))
    with duckdb.connect(str(db), read_only=True) as con:
        found = dict(figures(con))
    names = dict.fromkeys((*wanted, *found))
    return len(names), [
        f"{name}: found {found.get(name)}, expected {wanted.get(name)}"
        for name in names
        if name not in wanted or name not in found or not same(found[name], wanted[name])
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--db", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    options = parser.parse_args()
    compared, wrong = differences(options.db, options.truth)
    print(f"{compared:,} figures compared, {len(wrong)} differ")
    for line in wrong[:20]:
        print(f"  {line}")
    sys.exit(1 if wrong else 0)
