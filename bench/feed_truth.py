"""What must come out of the feed, computed from the drawn values and never from their text.

Of every sample the latest accepted version is kept, of every result the latest delivery. The truth
is written in the form that the comparison in `bench/compare.py` reads.
"""

import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from feed_lists import (
    DOMAINS,
    EPOCH,
    REMARKS,
    RULES,
    categories,
    estimates_population,
    listed,
    months,
    products,
)

Array = npt.NDArray[Any]
Columns = dict[str, npt.NDArray[np.int64]]

_SAMPLE = {
    "domain": np.int8,
    "programme": np.int8,
    "region": np.int8,
    "category": np.int8,
    "remark": np.int8,
    "sampled": np.int16,
    "produced": np.int16,
    "product": np.int16,
    "quantity": np.int32,
    "price": np.int32,
    "producer": np.int32,
    "passed": np.bool_,
}
EQUAL, BELOW, NOT_DETECTED, NOT_UNDERSTOOD = range(4)
FAILS, CONFORMS, UNDETERMINED = range(3)
_EVERY_REGION, _EVERY_CATEGORY = 99, 99


class Truth:
    """The state of the warehouse after the deliveries so far.

    Args:
        samples: samples of all deliveries.
        owners: sample of each result, in the order of result numbers.
        numbers: the 17 digits of each sample's number.
    """

    def __init__(
        self, samples: int, owners: npt.NDArray[np.int32], numbers: npt.NDArray[np.int64]
    ) -> None:
        self.numbers, self.owners = numbers, owners
        self.accepted = np.zeros(samples, np.bool_)
        self.day = np.zeros(samples, np.int16)
        self.of: dict[str, Array] = {k: np.zeros(samples, kind) for k, kind in _SAMPLE.items()}
        results = len(owners)
        self.seen = np.zeros(results, np.bool_)
        self.qualifier = np.zeros(results, np.int8)
        self.value = np.zeros(results)
        self.outcome = np.zeros(results, np.int8)
        self.disagrees = np.zeros(results, np.bool_)
        self.counted: Counter[str] = Counter()
        self.combinations: Counter[str] = Counter()

    def add_samples(
        self, rows: Columns, broken: npt.NDArray[np.bool_], times: npt.NDArray[np.int64], day: int
    ) -> None:
        """Take in one delivery: its rows, rows × rules broken, and how often each row stands."""
        rejected = broken.any(axis=1)
        accepted = ~rejected
        self.counted["received"] += int(times.sum())
        self.counted["rejected"] += int(times[rejected].sum())
        self.counted["arrived"] += int(accepted.sum())
        self.counted["duplicate_in_delivery"] += int((times[accepted] - 1).sum())
        self.counted["unknown_link"] += int(times[rows["link"] >= 4].sum())  # noqa: PLR2004 - see LINKS
        for place, rule in enumerate(RULES):
            self.counted[rule] += int(times[broken[:, place]].sum())
        for row in np.flatnonzero(rejected):
            names = (rule for place, rule in enumerate(RULES) if broken[row, place])
            self.combinations[",".join(names)] += int(times[row])
        ids = rows["id"][accepted]
        self.accepted[ids] = True
        self.day[ids] = day
        for name, kept in self.of.items():
            kept[ids] = rows[name][accepted]

    def add_results(self, numbers: Array, **columns: Array) -> None:
        """Take in the results of one delivery by their numbers."""
        self.counted["results_received"] += len(numbers)
        self.seen[numbers] = True
        for name, values in columns.items():
            getattr(self, name)[numbers] = values

    def write(self, path: Path, last_day: int) -> None:
        """Save the truth as it stands."""
        truth = {
            "rows": {
                "received": self.counted["received"],
                "rejected": self.counted["rejected"],
                "sample": int(self.accepted.sum()),
                "result": int(self.seen.sum()),
                "results_received": self.counted["results_received"],
            },
            "rejected_by_rules": dict(sorted(self.combinations.items())),
            "dq": self._checks(),
            "sample": self._samples(),
            "result": self._results(),
            "last_delivery": (EPOCH + dt.timedelta(days=last_day)).isoformat(),
            "indicator": self._indicator(),
        }
        path.write_text(json.dumps(truth, ensure_ascii=False, indent=0), "utf-8")

    def _checks(self) -> dict[str, int]:
        failing = np.zeros(len(self.accepted), np.bool_)
        failing[self.owners[self.seen & (self.outcome == FAILS)]] = True
        counted = self.counted
        return {
            **{rule: counted[rule] for rule in RULES},
            "duplicate_in_delivery": counted["duplicate_in_delivery"],
            "superseded_version": counted["arrived"] - int(self.accepted.sum()),
            "unknown_link": counted["unknown_link"],
            "orphan_result": int((self.seen & ~self.accepted[self.owners]).sum()),
            "unparsed_result": int((self.seen & (self.qualifier == NOT_UNDERSTOOD)).sum()),
            "verdict_mismatch": int((self.accepted & self.of["passed"] & failing).sum()),
            "lab_verdict_disagrees": int((self.seen & self.disagrees).sum()),
        }

    def _samples(self) -> dict[str, object]:
        kept = self.accepted
        epoch_day = (EPOCH - dt.date(1970, 1, 1)).days
        produced = self.of["produced"][kept].astype(np.int64)
        lengths = products().str.len_chars().to_numpy()
        remarks = np.array([len(text or "") for text in REMARKS])

        def by(name: str, labels: list[str]) -> dict[str, int]:
            counts = np.bincount(self.of[name][kept], minlength=len(labels))
            return {label: int(n) for label, n in zip(labels, counts, strict=True) if n}

        return {
            "sum_no": exact_sum(self.numbers[kept]),
            "passed": int(self.of["passed"][kept].sum()),
            "sampled_days": int((self.of["sampled"][kept].astype(np.int64) + epoch_day).sum()),
            "produced_days": int((produced[produced >= 0] + epoch_day).sum()),
            "produced_null": int((produced < 0).sum()),
            "delivery_days": int((self.day[kept].astype(np.int64) + epoch_day).sum()),
            "lot_qty": int(self.of["quantity"][kept].sum(dtype=np.int64)) / 10,
            "unit_price": int(self.of["price"][kept].sum(dtype=np.int64)) / 100,
            "product_chars": int(lengths[self.of["product"][kept]].sum(dtype=np.int64)),
            "remark_chars": int(remarks[self.of["remark"][kept]].sum(dtype=np.int64)),
            "producer_null": int((self.of["producer"][kept] < 0).sum()),
            "by_region": by("region", listed("region")["region_code"].to_list()),
            "by_programme": by("programme", listed("programme")["programme"].to_list()),
        }

    def _results(self) -> dict[str, float]:
        seen = self.seen
        counts = {
            name: int((seen & (self.qualifier == code)).sum())
            for name, code in (("eq", EQUAL), ("lt", BELOW), ("nd", NOT_DETECTED))
        }
        counts |= {
            name: int((seen & (self.outcome == code)).sum())
            for name, code in (
                ("conform", CONFORMS),
                ("nonconform", FAILS),
                ("undetermined", UNDETERMINED),
            )
        }
        return {**counts, "sum_value": float(self.value[seen].sum())}

    def _indicator(self) -> dict[str, list[int]]:
        """Cell → [samples, passed] for months, quarters and years, with totals."""
        rows = np.flatnonzero(self.accepted & estimates_population()[self.of["programme"]])
        domain, region, category, passed = (
            self.of[name][rows].astype(np.int64)
            for name in ("domain", "region", "category", "passed")
        )
        names, first, _ = categories()
        regions = listed("region")["region_code"]
        month = months()[self.of["sampled"][rows]]
        cells: dict[str, list[int]] = {}
        for kind, size in (("month", 1), ("quarter", 3), ("year", 12)):
            for region_axis in (region, np.full_like(region, _EVERY_REGION)):
                for category_axis in (
                    first[domain] + category,
                    np.full_like(region, _EVERY_CATEGORY),
                ):
                    key = ((month // size * 4 + domain) * 100 + region_axis) * 100 + category_axis
                    found, place = np.unique(key, return_inverse=True)
                    units = np.bincount(place)
                    passing = np.bincount(place, weights=passed).astype(np.int64)
                    for code, n, k in zip(
                        found.tolist(), units.tolist(), passing.tolist(), strict=True
                    ):
                        period, of_domain = divmod(code // 10_000, 4)
                        of_region, of_category = divmod(code % 10_000, 100)
                        label = "|".join(
                            (
                                DOMAINS[of_domain],
                                kind,
                                _period(kind, period),
                                "ALL" if of_region == _EVERY_REGION else regions[of_region],
                                "ALL" if of_category == _EVERY_CATEGORY else names[of_category],
                            )
                        )
                        cells[label] = [n, k]
        return cells


def _period(kind: str, number: int) -> str:
    if kind == "month":
        return f"{number // 12}-{number % 12 + 1:02d}"
    if kind == "quarter":
        return f"{number // 4}Q{number % 4 + 1}"
    return str(number)


def exact_sum(numbers: np.ndarray) -> int:
    """Sum of whole numbers of 17 digits, which 64 bits hold for a few hundred of them only."""
    high, low = np.divmod(numbers.astype(np.int64), 10**9)
    return int(high.sum()) * 10**9 + int(low.sum())
