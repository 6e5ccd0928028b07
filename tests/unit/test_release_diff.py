"""What changed a figure from one release to the next, on releases of a few units."""

from pathlib import Path

import duckdb
import pytest

from pipelines import show
from tests.figure_releases import BEFORE, UNIT, VALUE, release, value
from warehouse.errors import SamplehouseError
from warehouse.release_diff import diff_releases


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Five units, of which each changes in its own way, and one that does not."""
    before = [{**UNIT, "unit_no": name} for name in ("recheck", "version", "other", "same", "gone")]
    before[-1]["delivery_id"] = "d0"
    after = [
        {**UNIT, "unit_no": "recheck", "numerator": 1, "recheck_no": "R1"},
        {**UNIT, "unit_no": "version", "numerator": 1, "delivery_id": "d2"},
        {**UNIT, "unit_no": "other", "denominator": 0, "is_counted": False},
        {**UNIT, "unit_no": "same", "delivery_id": "d2"},
        {**UNIT, "unit_no": "new", "numerator": 1, "delivery_id": "d2"},
    ]
    entry = {"plan_id": "p", "target_id": "t", "source_id": "l", "delivery_id": "d1"}
    held = {"plan_id": "p", "target_id": "t"}
    return (
        release(
            tmp_path / "a.duckdb",
            meta__delivery=BEFORE,
            mart__indicator_value=[value(0, 5, "not_met"), value(0, 5, "x", slice_type="link")],
            fact__indicator_unit=before,
            mart__ledger_value=[{**held, "value": 1}],
            fact__ledger_use=[{**entry, "entry_no": "E1", "effect": 1}],
        ),
        release(
            tmp_path / "b.duckdb",
            mart__indicator_value=[value(3, 4, "met"), value(3, 4, "x", slice_type="link")],
            fact__indicator_unit=after,
            mart__ledger_value=[{**held, "value": 3}],
            fact__ledger_use=[
                {**entry, "entry_no": "E1", "effect": 1},
                {**entry, "entry_no": "E2", "effect": 2, "delivery_id": "d2"},
            ],
        ),
    )


def test_a_firm_that_had_too_few_units_to_be_shown_did_not_have_none(tmp_path: Path) -> None:
    firm = {**VALUE, "slice_type": "firm", "slice": "91330782000000000X"}
    before = {**firm, "numerator": 17, "denominator": 20}
    after = value(29, 31, "x", slice_type="firm", slice=firm["slice"])
    a = release(tmp_path / "a.duckdb", mart__indicator_count=[before])
    b = release(tmp_path / "b.duckdb", mart__indicator_value=[after])

    (found,) = diff_releases(a, b, slices=True).figures.to_dicts()

    assert (found["numerator_a"], found["denominator_a"]) == (None, 20)
    assert (found["numerator_b"], found["denominator_b"]) == (29, 31)


def test_each_way_of_change_is_told_with_its_file(two: tuple[Path, Path]) -> None:
    found = diff_releases(*two)

    assert found.causes["period"].unique().sort().to_list() == ["2024", "2024-05", "2024Q2"]
    assert set(found.figures["changed_by"]) == {"gone, new, new version, other, recheck"}
    years = found.causes.filter(period_type="year")
    rows = years.select("cause", "units", "numerator", "denominator", "file_name").rows()
    assert sorted(rows) == [
        ("gone", 1, 0, -1, "wrong.csv"),
        ("new", 1, 1, 1, "june.csv"),
        ("new version", 1, 1, 0, "june.csv"),
        ("other", 1, 0, -1, "may.csv"),
        ("recheck", 1, 1, 0, "june.csv"),
    ]
    (figure,) = found.figures.to_dicts()
    assert (figure["value_a"], figure["value_b"]) == (0, 75)
    assert years["numerator"].sum() == figure["numerator_b"] - figure["numerator_a"]
    assert years["denominator"].sum() == figure["denominator_b"] - figure["denominator_a"]
    assert (figure["status_a"], figure["status_b"]) == ("not_met", "met")


def test_slices_are_told_where_they_are_wanted(two: tuple[Path, Path]) -> None:
    assert diff_releases(*two, slices=True).figures.height == 2


def test_a_unit_that_moves_to_another_year_leaves_one_and_joins_the_other(tmp_path: Path) -> None:
    found = diff_releases(
        release(tmp_path / "a.duckdb", fact__indicator_unit=[{**UNIT, "unit_no": "U"}]),
        release(
            tmp_path / "b.duckdb",
            fact__indicator_unit=[
                {**UNIT, "unit_no": "U", "counted_on": "2023-12-31", "delivery_id": "d2"}
            ],
        ),
    )

    rows = found.causes.select("period", "cause", "denominator").rows()
    assert sorted(rows) == [
        ("2023", "new version", 1),
        ("2023-12", "new version", 1),
        ("2023Q4", "new version", 1),
        ("2024", "new version", -1),
        ("2024-05", "new version", -1),
        ("2024Q2", "new version", -1),
    ]


def test_a_unit_that_moves_within_its_year_is_told_with_its_months(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = diff_releases(
        release(tmp_path / "a.duckdb", fact__indicator_unit=[{**UNIT, "unit_no": "U"}]),
        release(
            tmp_path / "b.duckdb",
            fact__indicator_unit=[
                {**UNIT, "unit_no": "U", "counted_on": "2024-06-01", "delivery_id": "d2"}
            ],
        ),
    )
    show.figures(found)

    rows = found.causes.select("period", "cause", "denominator").rows()
    assert sorted(rows) == [("2024-05", "new version", -1), ("2024-06", "new version", 1)]
    printed = capsys.readouterr().out
    assert "2024-05" in printed
    assert "june.csv" in printed


def test_the_ledger_names_the_files_of_the_entries(two: tuple[Path, Path]) -> None:
    (row,) = diff_releases(*two).ledger.to_dicts()

    assert (row["value_a"], row["value_b"], row["entries"], row["effect"]) == (1, 3, 1, 2)
    assert (row["cause"], row["delivery_id"], row["file_name"]) == ("new", "d2", "june.csv")


def test_a_changed_entry_of_the_ledger_is_a_new_version_and_a_changed_plan_a_definition(
    tmp_path: Path,
) -> None:
    entry = {"plan_id": "p", "target_id": "t", "source_id": "l", "entry_no": "E1"}
    one, other = ({"plan_id": "p", "target_id": name} for name in ("t", "u"))
    (plan, version) = (
        diff_releases(
            release(
                tmp_path / "a.duckdb",
                mart__ledger_value=[{**one, "value": 1}, {**other, "value": 1}],
                fact__ledger_use=[{**entry, "version": 1, "effect": 1, "delivery_id": "d1"}],
            ),
            release(
                tmp_path / "b.duckdb",
                mart__ledger_value=[{**one, "value": 4}, {**other, "value": 2}],
                fact__ledger_use=[{**entry, "version": 2, "effect": 4, "delivery_id": "d2"}],
            ),
        )
        .ledger.sort("cause")
        .to_dicts()
    )

    told = ("target_id", "cause", "entries", "file_name")
    assert [plan[name] for name in told] == ["u", "definition", 0, None]
    assert [version[name] for name in told] == ["t", "new version", 1, "june.csv"]


def test_year_to_date_is_told_for_every_month_that_has_a_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to_date = {"period_type": "year_to_date"}
    found = diff_releases(
        release(
            tmp_path / "a.duckdb",
            meta__delivery=BEFORE,
            mart__indicator_value=[value(0, 1, "x", **to_date, period="2024-05")],
            fact__indicator_unit=[{**UNIT, "unit_no": "U"}],
        ),
        release(
            tmp_path / "b.duckdb",
            mart__indicator_value=[
                value(0, 1, "x", **to_date, period="2024-05"),
                value(1, 2, "x", **to_date, period="2024-08"),
            ],
            fact__indicator_unit=[
                {**UNIT, "unit_no": "U"},
                {
                    **UNIT,
                    "unit_no": "V",
                    "numerator": 1,
                    "counted_on": "2024-08-03",
                    "delivery_id": "d2",
                },
            ],
        ),
    )

    (figure,) = found.figures.to_dicts()
    # The first release held no figure to date of August.
    assert {value for name, value in figure.items() if name.endswith("_a")} == {None}
    assert (figure["numerator_b"], figure["denominator_b"], figure["status_b"]) == (1, 2, "x")
    rows = found.causes.filter(**to_date).select("period", "cause", "numerator", "denominator")
    assert rows.rows() == [("2024-08", "new", 1, 1)]
    show.figures(found)
    assert "absent 50.0000 (1/2) x" in " ".join(capsys.readouterr().out.split())


def test_passes_of_a_slice_that_is_not_shown_are_not_told_by_what_changed_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    town = {"slice_type": "division", "slice": "330782105", "is_suppressed": True}
    figures = [{**VALUE, **town, "denominator": size, "official_status": None} for size in (1, 2)]
    units = [
        {**UNIT, "unit_no": name, "division_code": "330782105", "delivery_id": delivery}
        for name, delivery in (("U", "d1"), ("V", "d2"))
    ]
    found = diff_releases(
        release(
            tmp_path / "a.duckdb",
            meta__delivery=BEFORE,
            mart__indicator_value=figures[:1],
            fact__indicator_unit=units[:1],
        ),
        release(
            tmp_path / "b.duckdb",
            mart__indicator_value=figures[1:],
            fact__indicator_unit=units,
        ),
        slices=True,
    )

    causes = found.causes.filter(slice="330782105").select("cause", "numerator", "denominator")
    assert causes.rows() == [("new", None, 1)]
    show.figures(found)
    assert "- (-/1) - (-/2)" in " ".join(capsys.readouterr().out.split())


def test_what_is_no_release_is_refused_and_one_does_not_differ_from_itself(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    old, broken = tmp_path / "old.duckdb", tmp_path / "broken.duckdb"
    duckdb.connect(str(old)).close()
    broken.write_text("no database")

    with pytest.raises(SamplehouseError, match="old is of before there were figures"):
        diff_releases(two[0], old)
    with pytest.raises(SamplehouseError, match=r"broken\.duckdb cannot be read as a release"):
        diff_releases(broken, two[1])
    assert diff_releases(two[0], two[0]).is_empty


def test_it_is_printed(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    show.figures(diff_releases(*two))

    printed = " ".join(capsys.readouterr().out.split())
    assert "1 figures from records and 1 from the ledger differ." in printed
    assert "i: v 2024 all 0.0000 (0/5) not_met 75.0000 (3/4) met" in printed
    assert "june.csv" in printed
