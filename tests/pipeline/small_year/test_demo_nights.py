"""Night after night over a small demo year: reading on, looking back, what changed meanwhile."""

import polars as pl

from tests.nights import SmallYear
from tests.truth import unlike
from warehouse.release_compare import compare_releases, verify_release
from warehouse.release_diff import diff_releases

# How a table of the release came about differs between two nights; what it holds does not.
ABOUT_THE_BUILD = {"meta.check_result", "meta.release", "meta.release_table"}


def test_each_night_reads_what_waits_and_a_look_back_reads_nothing(small_year: SmallYear) -> None:
    nights = small_year.july, small_year.january, small_year.july_again, small_year.january_again
    assert [night.published for night in nights] == [True] * 4
    assert max(small_year.july.days) <= small_year.until < min(small_year.january.days)
    assert (small_year.july_again.days, small_year.january_again.days) == ((), ())


def test_a_reader_keeps_the_release_that_it_opened(small_year: SmallYear) -> None:
    assert small_year.july.release is not None
    assert small_year.read_before[0].strip() == small_year.july.release.release_id
    assert small_year.read_after == small_year.read_before


def test_the_past_is_what_it_was(small_year: SmallYear) -> None:
    found = compare_releases(
        small_year.file(small_year.july), small_year.file(small_year.july_again)
    )

    assert {each.table for each in found if not each.equal} <= ABOUT_THE_BUILD
    assert len(found) > 20


def test_a_night_without_deliveries_publishes_the_same_again(small_year: SmallYear) -> None:
    found = compare_releases(
        small_year.file(small_year.january), small_year.file(small_year.january_again)
    )

    assert [each.table for each in found if not each.equal] == []
    assert verify_release(small_year.file(small_year.january_again)) == []
    assert small_year.january.release is not None
    assert small_year.january_again.release is not None
    assert small_year.january.release.fingerprint == small_year.january_again.release.fingerprint


def test_deliveries_and_rechecks_add_up_to_what_changed_since_july(small_year: SmallYear) -> None:
    """In every period, also to date, and in every slice, but where a count is not shown."""
    found = diff_releases(
        small_year.file(small_year.july), small_year.file(small_year.january), slices=True
    )
    key = ["indicator_id", "variant_id", "period_type", "period", "slice_type", "slice"]
    counts = ("numerator", "denominator")
    shown = found.figures.filter(
        pl.all_horizontal(pl.col("numerator_a", "numerator_b").is_not_null())
    )
    change = shown.select(
        *key, *((pl.col(f"{name}_b") - pl.col(f"{name}_a")).alias(name) for name in counts)
    )
    causes = found.causes.group_by(key).agg(pl.col(counts).sum())
    hidden = found.figures.join(shown, on=key, how="anti")
    changed = pl.any_horizontal(pl.col(counts) != 0)

    assert change.n_unique(["period_type", "slice_type"]) > 30
    told = causes.filter(changed).join(hidden, on=key, how="anti")
    assert unlike(change.filter(changed), told) == []
    assert {"new", "recheck"} <= set(found.causes["cause"])
    assert found.causes["file_name"].null_count() == 0
    late = found.causes.filter(pl.col("cause").is_in(["new", "new version", "recheck"]))
    assert late.filter(pl.col("received_on") <= small_year.until).is_empty()
    assert found.figures.filter(pl.col("changed_by").is_in(["unknown", ""])).is_empty()


def test_the_past_built_again_changes_no_figure(small_year: SmallYear) -> None:
    found = diff_releases(
        small_year.file(small_year.july), small_year.file(small_year.july_again), slices=True
    )

    assert found.is_empty
    assert found.causes.is_empty()
