"""The truth about the demo: what a right pipeline must publish, from the values that were drawn."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import polars as pl

from assets.demo.equipment import EquipmentYear
from assets.demo.farm import FarmYear
from assets.demo.firm_roster import FirmRoster, firm_counts
from assets.demo.governance import Governance
from assets.demo.source_year import SLICES, SourceYear

DELIVERY_COUNTS = (
    "rows_read",
    "rows_used",
    "rows_rejected",
    "rows_duplicate",
    "rows_unchanged",
    "rows_ignored",
)


@dataclass(frozen=True)
class Truth:
    """What must come out; every attribute but the first two is a table.

    Attributes:
        seed: seed of the demo.
        scale: size of the demo.
        deliveries: one row per file: source_id, received_on, file_name, kind, status and
            `DELIVERY_COUNTS`.
        rejected: rejected rows by source_id, received_on, file_name and rule_id. A row that breaks
            two rules counts under both. Rows of a held delivery that break no rule of their own
            count under `delivery_held`.
        sources: per source: files, loaded files, units (latest versions), versions, results
            (reported parameters of latest versions), nonconforming parameters of latest versions.
        counts: units by unit_kind, domain, programme, sampling_basis, month (first day),
            division_code and category: units, tested (with a final verdict), passed, failed.
            Rechecks are applied to their originals and not counted; an acceptance counts where it
            is a first attempt (attempt 1); a visit of special governance counts for each topic.
        attempts: acceptance attempts by attempt, supervised, month, division_code, category.
        nonconformities: failing samples by source_id, domain, programme, sampling_basis, month,
            division_code, category: samples and their nonconforming parameters. Samples whose
            verdict a recheck overturned are left out, rechecks have none of their own.
        rechecks: original_sample_no, recheck_no, received_on, verdict, whether it `applies` to a
            known sample and whether it `overturns` the verdict of that sample's latest version.
        firm_counts: see `firm_roster.firm_counts`.
        coverage: see `governance.Governance`.
        strata: stratified food samples by year, stratum and inclusion_probability: tested, passed.
        alerts, campaign, credit, clusters, trace_marks, trace_times, chain, leads: see
            `farm.FarmYear`; of special sampling only.
        equipment: see `equipment.EquipmentYear`.
    """

    seed: int
    scale: float
    deliveries: pl.DataFrame
    rejected: pl.DataFrame
    sources: pl.DataFrame
    counts: pl.DataFrame
    attempts: pl.DataFrame
    nonconformities: pl.DataFrame
    rechecks: pl.DataFrame
    firm_counts: pl.DataFrame
    coverage: pl.DataFrame
    strata: pl.DataFrame
    alerts: pl.DataFrame
    campaign: pl.DataFrame
    credit: pl.DataFrame
    clusters: pl.DataFrame
    trace_marks: pl.DataFrame
    trace_times: pl.DataFrame
    chain: pl.DataFrame
    leads: pl.DataFrame
    equipment: pl.DataFrame

    def as_records(self) -> dict[str, Any]:
        """Every table as a list of records; dates as ISO text."""
        dates = pl.selectors.date().dt.strftime("%Y-%m-%d")
        records = {
            each.name: getattr(self, each.name).with_columns(dates).to_dicts()
            for each in fields(self)
            if each.name not in ("seed", "scale")
        }
        return {"seed": self.seed, "scale": self.scale, **records}

    def write(self, path: Path) -> None:
        """Write the truth as JSON in UTF-8."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.as_records(), ensure_ascii=False, indent=1)
        path.write_text(text + "\n", "utf-8")


@dataclass(frozen=True)
class Registers:
    """What the city tells beside its yearly sources."""

    roster: FirmRoster
    governance: Governance
    farm: FarmYear
    equipment: EquipmentYear


def tell(
    seed: int,
    scale: float,
    years: Sequence[SourceYear],
    recheck: SourceYear,
    registers: Registers,
) -> Truth:
    """The truth about all sources; `recheck` replaces verdicts of the food samples."""
    roster, governance, farm = registers.roster, registers.governance, registers.farm
    known = pl.concat(_latest_samples(year) for year in years if year.source.unit_kind == "sample")
    rechecks = _rechecks(recheck, known)
    everything = [*years, recheck]
    attempts = next(year for year in years if year.source.unit_kind == "acceptance")
    first = attempts.contents.filter(pl.col("latest"), pl.col("attempt") == "1")
    final = known.join(
        rechecks.filter("applies").select(sample_no="original_sample_no", final="failed"),
        on="sample_no",
        how="left",
        maintain_order="left",
    ).with_columns(failed=pl.coalesce("final", "failed"))
    counted = pl.concat(
        [
            final.select("unit_kind", *SLICES, "failed"),
            first.select(pl.lit("acceptance").alias("unit_kind"), *SLICES, "failed"),
            farm.samples.select(pl.lit("sample").alias("unit_kind"), *SLICES, "failed"),
            governance.visits.select(
                pl.lit("site_inspection").alias("unit_kind"),
                pl.lit("construction").alias("domain"),
                pl.lit("special").alias("programme"),
                pl.lit("census").alias("sampling_basis"),
                pl.col("visited_on").dt.truncate("1mo").alias("month"),
                "division_code",
                "category",
                "failed",
            ),
        ]
    )
    of_firm = ("domain", "programme", "sampling_basis", "uscc", "sampled_on", "failed")
    slices = ("attempt", "supervised", "month", "division_code", "category")
    latest_attempts = attempts.contents.filter("latest").with_columns(
        pl.col("attempt").cast(pl.Int64), supervised=pl.col("supervised") == "是"
    )
    return Truth(
        seed=seed,
        scale=scale,
        deliveries=pl.concat(
            [
                *map(_deliveries, everything),
                roster.deliveries,
                governance.deliveries,
                farm.deliveries,
                registers.equipment.deliveries,
            ]
        ),
        rejected=pl.concat(
            [
                *map(_rejected, everything),
                roster.rejected,
                governance.rejected,
                farm.rejected,
            ]
        ),
        sources=pl.concat([*map(_source, everything), farm.source]),
        counts=_counts(counted, ("unit_kind", *SLICES)),
        attempts=_counts(latest_attempts, slices),
        nonconformities=_nonconformities(years, rechecks.filter("overturns"), farm.samples),
        rechecks=rechecks.select(
            "recheck_no",
            "original_sample_no",
            "received_on",
            "applies",
            "overturns",
            verdict=pl.when("failed").then(pl.lit("fail")).otherwise(pl.lit("pass")),
        ),
        firm_counts=firm_counts(
            pl.concat([final.select(of_firm), first.select(of_firm)]), roster.entries
        ),
        coverage=governance.coverage,
        strata=_strata(final),
        alerts=farm.alerts,
        campaign=farm.campaign,
        credit=farm.credit,
        clusters=farm.clusters,
        trace_marks=farm.trace_marks,
        trace_times=farm.trace_times,
        chain=farm.chain,
        leads=farm.leads,
        equipment=registers.equipment.counts,
    )


def _latest_samples(year: SourceYear) -> pl.DataFrame:
    design = {"stratum": pl.String(), "inclusion_probability": pl.Float64()}
    absent = {n: pl.lit(None, kind) for n, kind in design.items() if n not in year.contents}
    return (
        year.contents.filter("latest")
        .with_columns(unit_kind=pl.lit("sample"), **absent)
        .select(*SLICES, "sample_no", "uscc", "sampled_on", "failed", "unit_kind", *design)
    )


def _strata(samples: pl.DataFrame) -> pl.DataFrame:
    by = ("year", "stratum", "inclusion_probability")
    return (
        samples.filter(pl.col("inclusion_probability").is_not_null())
        .with_columns(year=pl.col("sampled_on").dt.strftime("%Y"))
        .group_by(by)
        .agg(
            tested=pl.col("failed").count().cast(pl.Int64),
            passed=(~pl.col("failed")).sum().cast(pl.Int64),
        )
        .sort(by)
    )


def _rechecks(recheck: SourceYear, known: pl.DataFrame) -> pl.DataFrame:
    originals = known.select("sample_no", original_failed="failed")
    return (
        recheck.contents.filter("latest")
        .join(
            originals,
            left_on="original_sample_no",
            right_on="sample_no",
            how="left",
            maintain_order="left",
        )
        .select(
            "original_sample_no",
            "failed",
            recheck_no="sample_no",
            received_on="first_received_on",
            applies=pl.col("original_failed").is_not_null(),
            overturns=(pl.col("original_failed") & ~pl.col("failed")).fill_null(value=False),
        )
    )


def _nonconformities(
    years: Sequence[SourceYear], overturned: pl.DataFrame, special: pl.DataFrame
) -> pl.DataFrame:
    failing = [
        year.contents.filter("latest", "failed")
        .join(overturned, left_on="sample_no", right_on="original_sample_no", how="anti")
        .select(pl.lit(year.source.source_id).alias("source_id"), *SLICES, "nonconforming")
        for year in years
        if year.source.unit_kind == "sample"
    ]
    failing.append(
        special.filter("failed").select(
            pl.lit("special_sampling").alias("source_id"), *SLICES, "nonconforming"
        )
    )
    by = ("source_id", *SLICES)
    return (
        pl.concat(failing)
        .group_by(by)
        .agg(
            samples=pl.len().cast(pl.Int64),
            parameters=pl.col("nonconforming").sum().cast(pl.Int64),
        )
        .sort(by)
    )


def _counts(units: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    return (
        units.group_by(by)
        .agg(
            units=pl.len().cast(pl.Int64),
            tested=pl.col("failed").count().cast(pl.Int64),
            passed=(~pl.col("failed")).sum().cast(pl.Int64),
            failed=pl.col("failed").sum().cast(pl.Int64),
        )
        .sort(by)
    )


def _deliveries(year: SourceYear) -> pl.DataFrame:
    return year.ledger.deliveries.select(
        pl.lit(year.source.source_id).alias("source_id"),
        "received_on",
        "file_name",
        "kind",
        "status",
        *DELIVERY_COUNTS,
    )


def _rejected(year: SourceYear) -> pl.DataFrame:
    names = year.ledger.deliveries.select("delivery_no", "received_on", "file_name")
    return year.ledger.rejected.join(names, on="delivery_no", maintain_order="left").select(
        pl.lit(year.source.source_id).alias("source_id"),
        "received_on",
        "file_name",
        "rule_id",
        "rows",
    )


def _source(year: SourceYear) -> pl.DataFrame:
    latest = year.contents.filter("latest")
    return pl.DataFrame(
        {
            "source_id": [year.source.source_id],
            "unit_kind": [year.source.unit_kind],
            "files": [year.ledger.deliveries.height],
            "loaded": [year.ledger.deliveries.filter(pl.col("status") == "loaded").height],
            "units": [latest.height],
            "versions": [year.contents.height],
            "results": [int(latest["results"].sum())],
            "nonconforming_parameters": [int(latest["nonconforming"].sum())],
        }
    )
