"""The scorecard: one row for every target and milestone of every plan, none missing.

A figure comes from records where an indicator gives it, else from the ledger, else there is none.
Ledger figures are compared here by the same exact comparison as rates, because SQL cannot round
to a number of digits that differs by row.
"""

from collections.abc import Mapping

import polars as pl

from assets.statistics.status import Rounding, official_status
from warehouse.errors import SamplehouseError

Tables = Mapping[str, pl.DataFrame]

ITEM = ("plan_id", "target_id")
HUNDRED = 100
# What the sample of a record-based figure says; other figures rest on no sample.
TOLD = ("demonstrated", "inconclusive", "missed", "census", "operational")


def scorecard(tables: Tables) -> pl.DataFrame:
    """Rows of ``mart.scorecard``.

    Args:
        tables: the plan's tables, figures of records and of the ledger, as the YAML names them.

    Returns:
        One row per row of ``ref.plan_item``.

    Raises:
        SamplehouseError: a promise of the plan would be missing or stand there twice.
    """
    items = (
        _items(tables)
        .join(_of_records(tables), on=ITEM, how="left", validate="1:1")
        .join(_of_ledger(tables), on=ITEM, how="left", validate="1:1")
        .join(_budgets(tables), on=ITEM, how="left", validate="1:1")
    )
    if items.height != tables["ref.plan_item"].height:
        raise SamplehouseError(
            f"the scorecard has {items.height} rows for {tables['ref.plan_item'].height} targets "
            "and milestones; every one needs exactly one"
        )
    # Records without a single unit in the year say nothing; what an office reports does.
    from_records = pl.col("record_value").is_not_null()
    from_ledger = pl.col("ledger_value").is_not_null()
    sourced = items.with_columns(
        figure_source=pl.when(from_records)
        .then(pl.lit("records"))
        .when(from_ledger)
        .then(pl.lit("ledger"))
        .otherwise(pl.lit("none")),
        value=pl.coalesce("record_value", pl.col("ledger_value").cast(pl.Float64)),
    )
    of_records = pl.col("figure_source") == "records"
    return (
        _judged(sourced)
        .with_columns(
            official_status=pl.when(of_records).then("record_status").otherwise("official_status"),
            evidence=pl.when(of_records & pl.col("evidence").is_in(TOLD))
            .then("evidence")
            .otherwise(pl.lit("none")),
            last_reported_on=pl.when(of_records)
            .then("last_counted_on")
            .when(pl.col("figure_source") == "ledger")
            .then("last_received_on"),
            as_of=pl.lit(tables["meta.build"]["as_of"].item(), pl.Date),
        )
        .with_columns(
            # Once every planned unit is there, nothing more is waited for.
            period_over=(pl.col("as_of") >= pl.col("reported_by")).fill_null(value=False)
            | (of_records & pl.col("budget_over").fill_null(value=False))
        )
        .drop(
            "record_value",
            "record_status",
            "ledger_value",
            "last_counted_on",
            "last_received_on",
            "rounding_digits",
            "rounding_mode",
            "budget_over",
        )
    )


def _items(tables: Tables) -> pl.DataFrame:
    """Promises in the plan's order, with what they are compared with."""
    planned = tables["ref.plan_budget"].filter("awaiting_decision", period_type="year")
    noted = tables["ref.plan_target"].join(
        planned.select(*ITEM, "planned_note"), on=ITEM, how="left", validate="1:1"
    )
    targets = noted.select(
        *ITEM,
        "comparator",
        "unit",
        "indicator_id",
        "official_variant",
        "awaiting_decision",
        "rounding_digits",
        "rounding_mode",
        target="value",
        decision_note=pl.concat_str(
            "official_note_en", "open_question", "planned_note", separator="; ", ignore_nulls=True
        ).replace("", None),
    )
    names = tables["ref.indicator"].select("indicator_id", indicator_name_zh="name_zh")
    is_milestone = pl.col("kind") == "milestone"
    return (
        tables["ref.plan_item"]
        .select(
            *ITEM,
            "position",
            "section",
            "name_en",
            "phrase_zh",
            "commitment",
            "domain",
            "measured_by",
            "unit_zh",
            "reported_by",
            kind="item_kind",
        )
        .join(tables["ref.plan"].select("plan_id", "period_end"), on="plan_id", validate="m:1")
        .join(targets, on=ITEM, how="left", validate="1:1")
        .join(names, on="indicator_id", how="left", validate="m:1")
        .with_columns(
            # The plan's own words are the name of what no indicator defines.
            name_zh=pl.coalesce("indicator_name_zh", "phrase_zh"),
            comparator=pl.when(is_milestone).then(pl.lit("=")).otherwise("comparator"),
            target=pl.when(is_milestone).then(1).otherwise("target").cast(targets.schema["target"]),
            unit=pl.when(is_milestone).then(pl.lit("done")).otherwise("unit"),
            awaiting_decision=pl.col("awaiting_decision").fill_null(value=False)
            | pl.col("decision_note").is_not_null(),
        )
        .drop("indicator_name_zh")
    )


def _of_records(tables: Tables) -> pl.DataFrame:
    """The year's figure of each target's official variant."""
    years = tables["ref.plan"].select(
        "plan_id", "period_end", period=pl.col("year").cast(pl.String)
    )
    last_days = (
        tables["mart.indicator_composition"]
        .group_by("indicator_id", "variant_id")
        .agg(pl.col("last_day").max())
    )
    return (
        tables["mart.indicator_value"]
        .filter("is_official", pl.col("period_type") == "year", pl.col("slice_type") == "all")
        .join(years, on=("plan_id", "period"))
        .join(last_days, on=("indicator_id", "variant_id"), how="left", validate="m:1")
        .select(
            *ITEM,
            "numerator",
            "denominator",
            "on_roster",
            "not_assessed",
            "lower",
            "upper",
            "probability",
            "evidence",
            record_value="value",
            record_status="official_status",
            last_counted_on=pl.min_horizontal("last_day", "period_end"),
        )
    )


def _of_ledger(tables: Tables) -> pl.DataFrame:
    return tables["mart.ledger_value"].select(
        *ITEM, "entries_standing", "last_received_on", ledger_value="value"
    )


def _budgets(tables: Tables) -> pl.DataFrame:
    """The failure budget of the year."""
    return (
        tables["mart.failure_budget"]
        .filter(pl.col("period_type") == "year")
        .select(
            *ITEM,
            "probability_on_target",
            failures_allowed="allowed",
            failures_left="remaining",
            budget_state="state",
            budget_over="period_over",
        )
    )


def _judged(items: pl.DataFrame) -> pl.DataFrame:
    """Official status of what the ledger says; without a figure there are no data."""
    parts = []
    for part in items.partition_by("rounding_digits", "rounding_mode"):
        digits, mode = part["rounding_digits"][0], part["rounding_mode"][0]
        told = part["ledger_value"]
        status = official_status(
            told.fill_null(0).to_list(),
            # Per hundred, so that the percentage is the value itself; per nothing without one.
            (told.is_not_null().cast(pl.Int64) * HUNDRED).to_list(),
            part["target"].to_list(),
            part["comparator"].to_list(),
            None if digits is None else Rounding(digits, mode),
        )
        parts.append(part.with_columns(official_status=pl.Series(status.tolist(), dtype=pl.String)))
    return (
        pl.concat(parts) if parts else items.with_columns(official_status=pl.lit(None, pl.String))
    )
