"""`samplehouse explain`: one figure in words, with its counts and the rows that lower it.

Everything is read from the published release, so anyone who has the file can ask the same.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
import polars as pl

from pipelines.published import published
from warehouse.errors import SamplehouseError

Language = Literal["en", "zh"]
Row = Mapping[str, Any]

PERIODS = {"year": r"\d{4}", "quarter": r"\d{4}Q[1-4]", "month": r"\d{4}-(0[1-9]|1[0-2])"}

# Units of one variant and period, in one division or in all.
UNITS = """
    CREATE TEMP TABLE asked_unit AS
    FROM fact.indicator_unit
    WHERE indicator_id = $indicator AND variant_id = $variant
        AND CASE $period_type
            WHEN 'year' THEN strftime(counted_on, '%Y')
            WHEN 'month' THEN strftime(counted_on, '%Y-%m')
            ELSE strftime(counted_on, '%Y') || 'Q' || quarter(counted_on)
        END = $period
        AND coalesce(assessed_period, $period_type) = $period_type
        AND ($division IS NULL OR division_code = $division)
"""
COMPOSITION = """
    SELECT programme, sampling_basis AS sampling, coverage, count(*) AS units,
        CAST(sum(denominator) AS BIGINT) AS counted, CAST(sum(numerator) AS BIGINT) AS passed
    FROM asked_unit GROUP BY ALL ORDER BY ALL
"""
EXCLUSIONS = """
    SELECT exclusion_reason AS reason, count(*) AS units, words_en, words_zh
    FROM asked_unit AS units
    LEFT JOIN ref.indicator_exclusion AS words
        ON words.indicator_id = units.indicator_id AND words.variant_id = units.variant_id
        AND words.reason = units.exclusion_reason
    WHERE NOT is_counted
    GROUP BY ALL ORDER BY units DESC, reason
"""
FAILURES = """
    SELECT counted_on AS day, unit_no AS unit, product_name AS product,
        coalesce(parameter_name, final_verdict) AS failed, result_text AS result,
        limit_text AS "limit", delivery_id AS delivery, file_name AS file,
        source_sheet AS sheet, source_row AS "row"
    FROM mart.indicator_failure
    SEMI JOIN asked_unit USING (indicator_id, variant_id, unit_kind, source_id, unit_no)
    ORDER BY ALL
"""


@dataclass(frozen=True)
class Part:
    """A table of an explanation."""

    title: str
    rows: pl.DataFrame


@dataclass(frozen=True)
class Asked:
    """The figure that is explained, all of it known to the release."""

    indicator: str
    variant: str
    period: str
    period_type: str
    division: str | None

    @property
    def parameters(self) -> dict[str, Any]:
        """As parameters of a query."""
        return dict(self.__dict__)


def explanation(  # noqa: PLR0913 - the options of the command
    release: Path,
    indicator: str,
    variant: str | None = None,
    period: str | None = None,
    division: str | None = None,
    *,
    language: Language = "en",
    most: int = 20,
) -> list[str | Part]:
    """A figure explained, as sentences and tables in the order in which they are read.

    Args:
        release: file of the release.
        indicator: indicator, or target that takes its figure from one.
        variant: way of counting; the official one where the plan names one.
        period: 2024, 2024Q2 or 2024-05; the last year with units by default.
        division: code of a division; the whole city by default.
        language: of definitions and reasons.
        most: failing rows to list, 0 for all.

    Raises:
        SamplehouseError: what is asked is not in the release; the message names what is.
    """
    with published(release, "mart.indicator_failure") as con:
        asked = _asked(con, indicator, variant, period, division)
        figure = _figure(con, asked)
        con.execute(UNITS, asked.parameters)
        return [
            *_definition(con, asked, figure, language),
            *_result(figure),
            *_made_of(con),
            *_left_out(con, language),
            *_failures(con, most),
        ]


# -- what is asked for


def _asked(
    con: duckdb.DuckDBPyConnection,
    indicator: str,
    variant: str | None,
    period: str | None,
    division: str | None,
) -> Asked:
    indicators = _column(con, "SELECT indicator_id FROM ref.indicator")
    of_target = con.execute(
        "SELECT indicator_id FROM ref.plan_target WHERE target_id = ?", [indicator]
    ).fetchall()
    name = indicator if indicator in indicators or not of_target else of_target[0][0]
    _one_of("indicator", name or indicator, indicators)
    variants = _column(
        con, "SELECT variant_id FROM ref.indicator_variant WHERE indicator_id = ?", name
    )
    official = _column(
        con,
        "SELECT official_variant FROM ref.plan_target "
        "WHERE indicator_id = ? AND official_variant IS NOT NULL",
        name,
    )
    chosen = variant or (official or variants)[0]
    _one_of("variant", chosen, variants)
    wanted, period_type = _period(con, name, chosen, period)
    if division is not None:
        known = _column(con, "SELECT DISTINCT division_code FROM fact.indicator_unit")
        _one_of("division", division, [code for code in known if code is not None])
    return Asked(name, chosen, wanted, period_type, division)


def _period(
    con: duckdb.DuckDBPyConnection, indicator: str, variant: str, period: str | None
) -> tuple[str, str]:
    if period is None:
        years = _column(
            con,
            "SELECT period FROM mart.indicator_value WHERE period_type = 'year' AND "
            "slice_type = 'all' AND denominator > 0 AND indicator_id = ? AND variant_id = ? "
            "ORDER BY target IS NULL, period DESC",
            indicator,
            variant,
        )
        if not years:
            raise SamplehouseError(f"nothing has been counted of {indicator} ({variant}) yet")
        return years[0], "year"
    for name, pattern in PERIODS.items():
        if re.fullmatch(pattern, period):
            return period, name
    raise SamplehouseError(f"'{period}' is no period such as 2024, 2024Q2 or 2024-05")


def _column(con: duckdb.DuckDBPyConnection, query: str, *values: str) -> list[str]:
    return [row[0] for row in con.execute(query, values).fetchall()]


def _one_of(what: str, name: str, known: list[str]) -> None:
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise SamplehouseError(f"there is no {what} '{name}'; known {what}s: {names}")


def _figure(con: duckdb.DuckDBPyConnection, asked: Asked) -> Row:
    """The row of ``mart.indicator_value``."""
    found = con.sql(
        """
        FROM mart.indicator_value
        WHERE indicator_id = $indicator AND variant_id = $variant AND period = $period
            AND period_type = $period_type
            AND slice_type = CASE WHEN $division IS NULL THEN 'all' ELSE 'division' END
            AND slice = coalesce($division, 'all')
        """,
        params=asked.parameters,
    ).pl()
    if found.is_empty():
        place = f" in {asked.division}" if asked.division else ""
        raise SamplehouseError(
            f"{asked.indicator} ({asked.variant}) has no figure for {asked.period}{place}: no unit "
            "of its field was inspected there and then"
        )
    return found.row(0, named=True)


# -- the answer


def _definition(
    con: duckdb.DuckDBPyConnection, asked: Asked, figure: Row, language: Language
) -> Iterator[str]:
    row = (
        con.sql(
            """
            SELECT i.*, v.* RENAME (name_en AS way_en, name_zh AS way_zh)
            FROM ref.indicator AS i JOIN ref.indicator_variant AS v USING (indicator_id)
            WHERE indicator_id = $indicator AND variant_id = $variant
            """,
            params={"indicator": asked.indicator, "variant": asked.variant},
        )
        .pl()
        .row(0, named=True)
    )
    place = f", {asked.division}" if asked.division else ""
    official = {True: "official", False: "not the official variant", None: ""}[
        figure["is_official"]
    ]
    yield f"{row['name_en']} / {row['name_zh']}, {asked.period}{place}"
    yield (
        f"  variant      {asked.variant}: {row[f'way_{language}']}"
        f"{' (' + official + ')' if official else ''}"
    )
    yield f"  numerator    {row[f'numerator_{language}']}"
    yield f"  denominator  {row[f'denominator_{language}']}"
    if row["weighting"]:
        yield (
            f"  formula      sum of weight x pass rate over the slices of {row['weighting']}, "
            "weights renormalised over those with samples"
        )
    else:
        yield "  formula      100 x numerator / denominator"
    yield f"  source       {row['source']}"
    if note := row[f"notes_{language}"]:
        yield f"  note         {note}"


def _result(figure: Row) -> Iterator[str]:
    counts = f"{figure['numerator']:,} of {figure['denominator']:,}"
    if figure["is_suppressed"]:
        value = "not shown: too few units"
    elif figure["value"] is None:
        value = "none: no unit counts"
    else:
        value = f"{figure['value']:.4f} %"
    yield f"  figure       {value} ({counts}, {figure['excluded']:,} left out)"
    if figure["is_weighted"] and figure["covered_share"] is not None:
        yield f"  weights      the slices with samples hold {figure['covered_share']:.1f} % of them"
    if figure["lower"] is None:
        yield "  interval     none" + (
            ": a census has no sampling error" if figure["estimates"] == "census" else ""
        )
    else:
        yield (
            f"  interval     {figure['lower']:.2f} % to {figure['upper']:.2f} % "
            f"(95 %, {figure['interval_method']})"
        )
    yield from _judgement(figure)


def _judgement(figure: Row) -> Iterator[str]:
    if figure["target"] is None:
        return
    yield (
        f"  target       {figure['comparator']} {figure['target'].normalize():f} %: "
        f"{figure['official_status']} (the value as it is against the target)"
    )
    chance = figure["probability"]
    more = "" if chance is None else f"; probability that the true rate meets it {chance:.3f}"
    yield f"  evidence     {figure['evidence']}{more}"
    if figure["samples_needed"]:
        yield (
            f"  to show it   {figure['samples_needed']:,} further samples would demonstrate it if "
            "all of them pass"
        )


def _made_of(con: duckdb.DuckDBPyConnection) -> Iterator[Part]:
    yield Part("What it is made of", con.sql(COMPOSITION).pl())


def _left_out(con: duckdb.DuckDBPyConnection, language: Language) -> Iterator[str | Part]:
    rows = con.sql(EXCLUSIONS).pl()
    if rows.is_empty():
        yield "Nothing of its field was left out."
    else:
        yield Part("Left out", rows.select("reason", "units", why=f"words_{language}"))


def _failures(con: duckdb.DuckDBPyConnection, most: int) -> Iterator[str | Part]:
    rows = con.sql(FAILURES).pl()
    if rows.is_empty():
        yield "Nothing that counts has failed."
        return
    shown = rows if most == 0 else rows.head(most)
    # A column that nothing fills, such as the sheet of CSV files, takes room from the others.
    filled = [c.name for c in shown if c.null_count() < len(c) and set(c.to_list()) != {""}]
    yield Part(f"Failing rows ({rows['unit'].n_unique():,} units)", shown.select(filled))
    if (more := rows.height - shown.height) > 0:
        yield f"… and {more:,} more: --most 0 lists them all, as does mart.indicator_failure."
