"""Definitions of indicators as rows of the tables `ref.indicator*`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import polars as pl

from warehouse.indicator import BY_DESIGN, Indicator, Variant, Words, load_indicators, weights
from warehouse.reference_lists import code_list

Row = dict[str, Any]


def indicator_rows(
    indicators: Mapping[str, Indicator] | None = None,
) -> dict[str, pl.DataFrame]:
    """The tables that the indicators become, by name; columns as in their contracts.

    Args:
        indicators: by id; those of `warehouse/reference/indicators` by default.
    """
    known = load_indicators() if indicators is None else indicators
    pairs = [(indicator, variant) for indicator in known.values() for variant in indicator.variants]
    lists = sorted({v.weighting for _, v in pairs if v.weighting and v.weighting != BY_DESIGN})
    exclusions = [row for pair in pairs for row in _exclusion_rows(*pair)]
    return {
        "ref.indicator": _frame(_indicator_row(indicator) for indicator in known.values()),
        "ref.indicator_slice": _frame(
            row for indicator in known.values() for row in _slice_rows(indicator)
        ),
        "ref.indicator_variant": _frame(_variant_row(*pair) for pair in pairs),
        "ref.indicator_population": _frame(
            row for pair in pairs for row in _population_rows(*pair)
        ),
        "ref.indicator_verdict": _frame(row for pair in pairs for row in _verdict_rows(*pair)),
        "ref.indicator_exclusion": _frame(
            {key: value for key, value in row.items() if key != "values"} for row in exclusions
        ),
        "ref.indicator_exclusion_value": _frame(
            {key: row[key] for key in ("indicator_id", "variant_id", "reason")} | {"value": value}
            for row in exclusions
            for value in row["values"]
        ),
        "ref.indicator_weight": _frame(
            {"weighting": name, **row} for name in lists for row in weights(name).to_dicts()
        ),
    }


def _frame(rows: Iterable[Row]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), infer_schema_length=None)


def _indicator_row(indicator: Indicator) -> Row:
    return {
        "indicator_id": indicator.id,
        "name_en": indicator.name.en,
        "name_zh": indicator.name.zh,
        "kind": indicator.kind,
        "unit": indicator.unit,
        "unit_kind": indicator.unit_kind,
        "suppress_below": indicator.suppress_below,
        "source_en": indicator.source.en,
        "source_zh": indicator.source.zh,
        "notes_en": indicator.notes.en if indicator.notes else None,
        "notes_zh": indicator.notes.zh if indicator.notes else None,
    }


def _slice_rows(indicator: Indicator) -> Iterator[Row]:
    """How it is divided, and how not."""
    words: dict[str, Words | None] = {
        **dict.fromkeys(("all", *indicator.slices)),
        **{each.slice: each.words for each in indicator.not_sliced},
    }
    for slice_type, why_not in words.items():
        yield {
            "indicator_id": indicator.id,
            "slice_type": slice_type,
            "is_made": why_not is None,
            "words_en": why_not.en if why_not else None,
            "words_zh": why_not.zh if why_not else None,
        }


def _variant_row(indicator: Indicator, variant: Variant) -> Row:
    return {
        **_key(indicator, variant),
        "name_en": variant.name.en,
        "name_zh": variant.name.zh,
        "estimates": variant.estimates,
        "numerator_en": variant.numerator.en,
        "numerator_zh": variant.numerator.zh,
        "denominator_en": variant.denominator.en,
        "denominator_zh": variant.denominator.zh,
        "rounding_digits": variant.rounding.digits if variant.rounding else None,
        "rounding_mode": variant.rounding.mode if variant.rounding else None,
        "measure": variant.measure,
        "weighting": variant.weighting,
        "valid_from": variant.valid_from,
        "valid_to": variant.valid_to,
    }


def _key(indicator: Indicator, variant: Variant) -> Row:
    return {"indicator_id": indicator.id, "variant_id": variant.id}


def _population_rows(indicator: Indicator, variant: Variant) -> Iterator[Row]:
    for domain in indicator.domains:
        for programme in variant.programmes:
            for basis in variant.sampling_bases:
                for coverage in variant.coverages:
                    yield {
                        **_key(indicator, variant),
                        "domain": domain,
                        "programme": programme,
                        "sampling_basis": basis,
                        "coverage": coverage,
                    }


def _verdict_rows(indicator: Indicator, variant: Variant) -> Iterator[Row]:
    for verdict in variant.counted_verdicts:
        passes = verdict in variant.passing_verdicts
        yield {**_key(indicator, variant), "verdict": verdict, "passes": passes}


class _Reason(NamedTuple):
    """Why a unit does not count: words, and the condition as its table holds it."""

    reason: str
    words: Words
    column: str
    operator: Literal["in", "not_in", "outside", "missing", "before", "from"]
    values: tuple[str, ...]


def _exclusion_rows(indicator: Indicator, variant: Variant) -> Iterator[Row]:
    """Reasons in the order in which the first that holds is the one told."""
    for position, reason in enumerate(_reasons(variant), start=1):
        yield {
            **_key(indicator, variant),
            "reason": reason.reason,
            "position": position,
            "words_en": reason.words.en,
            "words_zh": reason.words.zh,
            "column_name": reason.column,
            "operator": reason.operator,
            "values": reason.values,
        }


def _reasons(variant: Variant) -> Iterator[_Reason]:
    """A variant's own exclusions, among those that follow from its population and its verdicts."""
    words = {
        code: Words(en=english, zh=chinese)
        for code, english, chinese in code_list("exclusion_reason")
        .select("code", "name_en", "name_zh")
        .rows()
    }
    yield _Reason("recheck", words["recheck"], "is_recheck", "in", ("true",))
    for own in variant.exclusions:
        when = own.when
        yield _Reason(own.reason, own.words, when.column, when.operator, when.values)
    for reason, column, listed in (
        ("other_programme", "programme", variant.programmes),
        ("other_sampling_basis", "sampling_basis", variant.sampling_bases),
        ("incomplete_coverage", "coverage", variant.coverages),
        ("no_verdict", "final_verdict", variant.counted_verdicts),
    ):
        yield _Reason(reason, words[reason], column, "not_in", listed)
    yield _Reason("outside_city", words["outside_city"], "division_code", "outside", ())
    yield _Reason("no_day", words["no_day"], "counted_on", "missing", ())
    first, last = variant.valid_from.isoformat(), variant.valid_to
    before = words["before_definition"]
    yield _Reason("before_definition", before, "counted_on", "before", (first,))
    if last is not None:
        after = words["after_definition"]
        yield _Reason("after_definition", after, "counted_on", "from", (last.isoformat(),))
