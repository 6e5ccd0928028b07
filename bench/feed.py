"""The national sampling feed at any size, with the truth of what must come out of it.

    python bench/feed.py --samples 1000000 --days 365 --out bench/data/1000000

writes `base` (one pair of files for each day), `delta` (the one delivery that follows), and
`truth_base.json` and `truth_after.json`. The same seed gives the same bytes.
"""

import argparse
import datetime as dt
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from feed_lists import (
    AT_LEAST,
    DOMAIN_WEIGHTS,
    EPOCH,
    FIRST_DAY,
    IN_POWERS,
    ITEM_KINDS,
    ITEM_LIMITS,
    ITEM_NAMES,
    ITEMS_PER_DOMAIN,
    LIMITS,
    LINK_WEIGHTS,
    NOT_ALLOWED,
    PASS_RATES,
    PROGRAMME_WEIGHTS,
    REGION_WEIGHTS,
    REMARK_WEIGHTS,
    RULE_SHARES,
    RULES,
    WITHOUT_LIMIT,
    categories,
    products,
)
from feed_text import (
    BELOW_DETECTION,
    BELOW_TWICE,
    NOT_DETECTED,
    PLAIN,
    POWER,
    UNREADABLE,
    results_frame,
    sample_numbers,
    samples_frame,
)
from feed_truth import CONFORMS, FAILS, UNDETERMINED, Truth

from assets.demo.chance import pick
from assets.demo.identifiers import credit_codes

Integers = npt.NDArray[np.int64]
Columns = dict[str, Integers]

SEED = 20240702
LONGEST_LAG = 60
_TESTED_SHARE, _CORRECTED_SHARE, _CORRECTED_AGAIN_SHARE = 0.2, 0.02, 0.05


class Feed:
    """Draws deliveries one after the other; only corrections and the truth stay in memory.

    Args:
        samples: samples of the base deliveries; the delta brings as many as one more day.
        days: base deliveries, one a day.
        seed: another seed, another feed.
    """

    def __init__(self, samples: int, days: int, seed: int = SEED) -> None:
        self.samples, self.days = samples, days
        self.total = samples + max(1, round(samples / days))
        self.rng = np.random.default_rng(seed)
        self.firms = self._firms()
        tested = self.rng.random(self.total) < _TESTED_SHARE
        self.results = np.where(tested, self.rng.integers(3, 8, self.total), 0)
        self.first_result = np.concatenate(([0], np.cumsum(self.results)))
        self.first_item = self.rng.integers(0, ITEMS_PER_DOMAIN, self.total).astype(np.int8)
        owners = np.repeat(np.arange(self.total, dtype=np.int32), self.results)
        self.truth = Truth(self.total, owners, sample_numbers(np.arange(self.total)))
        self.waiting: dict[int, list[Columns]] = {}

    def _firms(self) -> pl.Series:
        size = min(500_000, max(2_000, self.samples // 20))
        prefix = pl.Series(["91", "92", "93"]).gather(
            pl.Series(pick(self.rng, np.array([75.0, 22, 3]), size))
        )
        far = self.rng.random(size) < 0.4  # noqa: PLR2004 - share of firms from elsewhere
        region = np.where(far, self.rng.integers(110_101, 659_011, size), 330_782)
        return credit_codes(self.rng, prefix, pl.Series(region).cast(pl.String))

    def write(self, out: Path) -> None:
        """Write all deliveries and both truths."""
        for folder in ("base", "delta"):
            (out / folder).mkdir(parents=True, exist_ok=True)
        borders = np.linspace(0, self.samples, self.days + 1).astype(np.int64)
        for number in range(self.days):
            ids = np.arange(borders[number], borders[number + 1])
            self._deliver(ids, FIRST_DAY + number, out / "base")
        self.truth.write(out / "truth_base.json", FIRST_DAY + self.days - 1)
        self._deliver(np.arange(self.samples, self.total), FIRST_DAY + self.days, out / "delta")
        self.truth.write(out / "truth_after.json", FIRST_DAY + self.days)

    # -- samples

    def _deliver(self, ids: Integers, day: int, folder: Path) -> None:
        rng = self.rng
        rows = self._new_samples(ids, day)
        self._correct_later(rows, day, _CORRECTED_SHARE)
        for again in self.waiting.pop(day, []):
            reported = day - rng.integers(0, 4, len(again["id"]))
            again["reported"] = np.maximum(reported, again["sampled"])
            self._correct_later(again, day, _CORRECTED_AGAIN_SHARE)
            rows = {name: np.concatenate((rows[name], again[name])) for name in rows}
        order = rng.permutation(len(rows["id"]))
        rows = {name: values[order] for name, values in rows.items()}
        broken = self._spoil(rows)
        twice = np.flatnonzero(rng.random(len(order)) < 0.0005)  # noqa: PLR2004 - rows sent twice
        times = np.ones(len(order), dtype=np.int64)
        times[twice] = 2
        flags = np.column_stack([broken[rule] for rule in RULES])
        self.truth.add_samples(rows, flags, times, day)
        frame = samples_frame(rng, rows, broken, self.firms)
        name = f"{EPOCH + dt.timedelta(days=day):%Y%m%d}"
        pl.concat((frame, frame[twice])).write_csv(folder / f"samples_{name}.csv")
        self._deliver_results(rows, folder / f"results_{name}.csv")

    def _new_samples(self, ids: Integers, day: int) -> Columns:
        rng, size = self.rng, len(ids)
        _, _, sizes = categories()
        domain = pick(rng, DOMAIN_WEIGHTS, size)
        # The first categories of a domain are the common ones.
        category = (sizes[domain] * rng.random(size) ** 2).astype(np.int64)
        region = pick(rng, REGION_WEIGHTS, size)
        reported = day - rng.integers(0, 4, size)
        sampled = reported - rng.integers(5, 41, size)
        produced = sampled - rng.integers(1, 400, size)
        pass_rate = PASS_RATES[domain] - 0.002 * (region % 5) - 0.001 * (category % 7)
        producers = rng.integers(0, len(self.firms), size)
        return {
            "id": ids,
            "domain": domain,
            "category": category,
            "region": region,
            "programme": pick(rng, PROGRAMME_WEIGHTS, size),
            "link": pick(rng, LINK_WEIGHTS, size),
            "producer": np.where(rng.random(size) < 0.08, -1, producers),  # noqa: PLR2004 - share unknown
            "operator": rng.integers(0, len(self.firms) // 2, size),
            "sampled": sampled,
            "reported": reported,
            "produced": np.where(rng.random(size) < 0.1, -1, produced),  # noqa: PLR2004 - share unknown
            "product": rng.integers(0, len(products()), size),
            "lot": rng.integers(1, 99, size),
            "passed": (rng.random(size) < pass_rate).astype(np.int64),
            "quantity": rng.integers(1, 200_000, size),
            "price": rng.integers(50, 500_000, size),
            "remark": pick(rng, REMARK_WEIGHTS, size),
        }

    def _correct_later(self, rows: Columns, day: int, share: float) -> None:
        """A share of the rows comes again within sixty days, changed here and there."""
        rng = self.rng
        places = np.flatnonzero(rng.random(len(rows["id"])) < share)
        size = len(places)
        again = {name: values[places].copy() for name, values in rows.items()}
        again["passed"] ^= (rng.random(size) < 0.3).astype(np.int64)  # noqa: PLR2004 - share that turns
        moved, recounted = rng.random(size) < 0.2, rng.random(size) < 0.3  # noqa: PLR2004 - as above
        again["region"] = np.where(
            moved, rng.integers(0, len(REGION_WEIGHTS), size), again["region"]
        )
        quantity = rng.integers(1, 200_000, size)
        again["quantity"] = np.where(recounted, quantity, again["quantity"])
        due = day + rng.integers(1, LONGEST_LAG + 1, size)
        for then in np.unique(due[due <= FIRST_DAY + self.days]).tolist():
            part = {name: values[due == then] for name, values in again.items()}
            self.waiting.setdefault(then, []).append(part)

    def _spoil(self, rows: Columns) -> dict[str, npt.NDArray[np.bool_]]:
        """Choose the rows that break each rule, and change values where a rule is about two."""
        rng, size = self.rng, len(rows["id"])
        spoilt = rng.random((size, len(RULES))) < RULE_SHARES
        second = np.flatnonzero(spoilt.any(axis=1) & (rng.random(size) < 0.05))  # noqa: PLR2004 - share
        spoilt[second, rng.integers(0, len(RULES), len(second))] = True
        broken = {rule: spoilt[:, place].copy() for place, rule in enumerate(RULES)}
        broken["bad_sample_no"] &= ~broken["missing_sample_no"]
        broken["produced_after_sampled"] &= ~broken["bad_sampled_on"]
        broken["reported_before_sampled"] &= ~broken["bad_sampled_on"]
        firms = rng.integers(0, len(self.firms), size)
        unknown = broken["bad_producer_uscc"] & (rows["producer"] < 0)
        rows["producer"] = np.where(unknown, firms, rows["producer"])
        later = rows["sampled"] + rng.integers(1, 31, size)
        rows["produced"] = np.where(broken["produced_after_sampled"], later, rows["produced"])
        earlier = rows["sampled"] - rng.integers(1, 11, size)
        rows["reported"] = np.where(broken["reported_before_sampled"], earlier, rows["reported"])
        strange = rng.random(size) < 0.001  # noqa: PLR2004 - share of unknown links
        rows["link"] = np.where(strange, rng.integers(4, 6, size), rows["link"])
        return broken

    # -- results

    def _deliver_results(self, rows: Columns, path: Path) -> None:
        rng = self.rng
        tested = np.flatnonzero(self.results[rows["id"]] > 0)
        ids = rows["id"][tested]
        count = self.results[ids]
        row = np.repeat(np.arange(len(ids)), count)
        size = len(row)
        place = np.arange(size) - np.repeat(np.cumsum(count) - count, count)
        start = self.first_item[ids[row]].astype(np.int64)
        item = (
            rows["domain"][tested][row] * ITEMS_PER_DOMAIN + (start + 3 * place) % ITEMS_PER_DOMAIN
        )
        kind, limit = ITEM_KINDS[item], ITEM_LIMITS[item]
        # A sample that fails has one failing item, as has one in three hundred of those that pass.
        failing = (rows["passed"][tested] == 0) | (rng.random(len(ids)) < 0.003)  # noqa: PLR2004 - share
        rank = rng.random(size) + (kind == WITHOUT_LIMIT)
        lowest = np.full(len(ids), np.inf)
        np.minimum.at(lowest, row, rank)
        fails = failing[row] & (kind != WITHOUT_LIMIT) & (rank == lowest[row])
        form = _forms(rng.random(size), kind, fails)
        bound = np.array([value for value, _ in LIMITS])[limit]
        micro = _amounts(rng, bound, (kind == AT_LEAST) != fails)
        micro = np.where(form == BELOW_DETECTION, bound // 10, micro)
        micro = np.where(form == BELOW_TWICE, bound * 2, micro)
        mantissa = rng.integers(11, 100, size)
        exponent = np.where(fails, rng.integers(4, 6, size), rng.integers(1, 4, size))
        value = np.where(form == POWER, mantissa * 10.0 ** (exponent - 1), micro / 1e6)
        outcome = _outcomes(form, kind, fails)
        said_fail = (outcome == FAILS) ^ (rng.random(size) < 0.002)  # noqa: PLR2004 - laboratory's slips
        self.truth.add_results(
            self.first_result[ids[row]] + place,
            qualifier=np.choose(form, [0, 0, 1, 1, 2, 3]),
            value=np.where(form >= NOT_DETECTED, 0.0, value),
            outcome=outcome,
            disagrees=(outcome != UNDETERMINED) & (said_fail != (outcome == FAILS)),
        )
        columns = {
            "id": ids[row],
            "item": item,
            "kind": kind,
            "limit": limit,
            "form": form,
            "micro": micro,
            "mantissa": mantissa,
            "exponent": exponent,
            "said_fail": said_fail.astype(np.int64),
        }
        results_frame(rng, columns, pl.Series(ITEM_NAMES)).write_csv(path)


def _forms(
    chance: npt.NDArray[np.float64], kind: Integers, fails: npt.NDArray[np.bool_]
) -> Integers:
    """How each result is written; a failing one always as a number."""
    form = np.searchsorted([0.66, 0.82, 0.83, 0.99], chance, side="right")
    form = np.array([PLAIN, BELOW_DETECTION, BELOW_TWICE, NOT_DETECTED, UNREADABLE])[form]
    readable = form != UNREADABLE
    powers = np.where(chance < 0.8, POWER, NOT_DETECTED)  # noqa: PLR2004 - share
    form = np.where((kind == IN_POWERS) & readable, powers, form)
    traces = np.where(chance < 0.3, BELOW_DETECTION, NOT_DETECTED)  # noqa: PLR2004 - share
    form = np.where((kind == NOT_ALLOWED) & readable, traces, form)
    form = np.where((kind == AT_LEAST) & readable, PLAIN, form)
    return np.where(fails, np.where(kind == IN_POWERS, POWER, PLAIN), form)


def _amounts(rng: np.random.Generator, bound: Integers, above: npt.NDArray[np.bool_]) -> Integers:
    """Amounts in millionths, above or below their bound and never at it."""
    size = len(bound)
    high, low = rng.integers(1_050, 10_000, size), rng.integers(20, 950, size)
    return np.where(above, high, low) * (bound // 1_000)


def _outcomes(form: Integers, kind: Integers, fails: npt.NDArray[np.bool_]) -> Integers:
    """What follows from result and limit; below twice a maximum, nothing does."""
    open_end = (form == BELOW_TWICE) & (kind != NOT_ALLOWED)
    nothing = (form == UNREADABLE) | (kind == WITHOUT_LIMIT) | open_end
    return np.where(nothing, UNDETERMINED, np.where(fails, FAILS, CONFORMS))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    Feed(options.samples, options.days, options.seed).write(options.out)
