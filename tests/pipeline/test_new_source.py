"""A source added by YAML alone: looked at, received, counted, without a line of Python.

`sources/county_tests.yml` reads what no other source has: titles above the header, semicolons,
GBK, headings of towns, a renamed column, a row of totals, a column for each pesticide.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from assets.ingest.landing import receive
from assets.ingest.preview import Preview, preview
from pipelines.nightly import NightOutcome
from pipelines.settings import Settings, read_settings
from tests.nights import pass_rates_only
from warehouse.errors import ConfigurationError
from warehouse.home import Home
from warehouse.source import SOURCES_DIR, load_source

SOURCES = Path(__file__).with_name("sources")
DAY = dt.date(2024, 7, 8)
ALONE = """
    files: ^results
    records:
      test_result: {columns: {sample_no: 样品编号, parameter_code: 项目}}
"""
FILE = "2024年第二季度 (最终版).csv"


@dataclass(frozen=True)
class County:
    """The file as previewed before it was received, and the release after its night."""

    settings: Settings
    file: Path
    previewed: Preview
    night: NightOutcome


@pytest.fixture(scope="module")
def county(
    tmp_path_factory: pytest.TempPathFactory, quick_night: Callable[..., NightOutcome]
) -> County:
    folder = tmp_path_factory.mktemp("county")
    settings = read_settings(
        {"SAMPLEHOUSE_HOME": str(folder / "home"), "SAMPLEHOUSE_SOURCES": str(SOURCES)}
    )
    file = folder / FILE
    file.write_bytes((SOURCES / "county_tests.csv").read_text("utf-8").encode("gbk"))
    previewed = preview(file, settings.sources()[0]["county_tests"])
    receive(settings.home, "county_tests", [file], DAY)
    with pass_rates_only():
        return County(settings, file, previewed, quick_night(settings))


@pytest.fixture(scope="module")
def release(county: County) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(county.settings.home.release_file), read_only=True) as con:
        yield con


def test_the_source_is_a_yaml_file_and_nothing_else() -> None:
    assert not (SOURCES_DIR / "county_tests.yml").exists()
    assert not list(SOURCES.glob("*.py"))


def test_the_night_reads_it(county: County) -> None:
    assert county.night.exit_code == 0, county.night.errors
    assert county.night.statuses == {"loaded": 1}


def test_every_row_is_accounted_for(release: duckdb.DuckDBPyConnection) -> None:
    counts = release.execute(
        "SELECT rows_read, rows_used, rows_rejected, rows_duplicate, rows_unchanged, rows_ignored, "
        "encoding FROM meta.delivery"
    ).fetchall()
    # 14 lines of samples, of which one is a repeat and three are wrong, and 7 lines around them
    assert counts == [(23, 12, 3, 1, 0, 7, "gbk")]
    ignored = release.execute(
        "SELECT reason, row_count FROM meta.ignored_rows ORDER BY reason"
    ).fetchall()
    assert ignored == [
        ("above_header", 2),
        ("blank_row", 1),
        ("header", 1),
        ("section_heading", 2),
        ("total", 1),
    ]


def test_its_samples_are_in_the_pass_rate(release: duckdb.DuckDBPyConnection) -> None:
    rates = release.execute(
        """
        SELECT division_code, programme, sampling_basis, tested, passed, estimates_population
        FROM mart.pass_rate
        WHERE period_type = 'quarter' AND period = '2024Q2' AND source_id = 'county_tests'
            AND product_category = 'ALL' AND domain = 'agri'
        ORDER BY ALL
        """
    ).fetchall()
    # Divisions with so few samples have no rate. Of the twelve, two failed: one for 克百威, a ban.
    assert rates == [
        ("330782100", "routine_monitoring", "random", 2, None, True),
        ("330782105", "routine_monitoring", "random", 10, None, True),
        ("ALL", "routine_monitoring", "random", 12, 10, True),
    ]


def test_columns_of_pesticides_became_results(release: duckdb.DuckDBPyConnection) -> None:
    results = release.execute(
        "SELECT sample_no, parameter_code, qualifier, CAST(value AS DOUBLE), unit, source_row "
        "FROM core.test_result WHERE sample_no IN ('N-1', 'N-2', 'N-3') ORDER BY ALL"
    ).fetchall()
    assert results == [
        ("N-1", "克百威", "=", 0.02, "mg/kg", 5),
        ("N-1", "毒死蜱", "ND", None, "mg/kg", 5),
        ("N-2", "毒死蜱", "=", 0.31, "mg/kg", 6),
        ("N-3", "克百威", "ND", None, "mg/kg", 9),
        ("N-3", "毒死蜱", "<", 0.01, "mg/kg", 9),
    ]


def test_the_preview_said_what_the_night_does(
    county: County, release: duckdb.DuckDBPyConnection
) -> None:
    previewed = county.previewed
    (delivery,) = release.sql("FROM meta.delivery").pl().to_dicts()
    for name in delivery.keys() - {"received_on", "delivery_id"}:
        assert previewed.delivery[name] == delivery[name], name

    tables = {
        table: release.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
        for table in previewed.records
    }
    assert {table: count for table, (count, _) in previewed.records.items()} == tables
    assert tables == {"core.sample": 12, "core.test_result": 23}
    rejected = release.execute(
        "SELECT rule_id, column_name, count(*), min(source_row), "
        "list(DISTINCT value_text) FROM core.rejected_record GROUP BY ALL ORDER BY 3 DESC"
    ).fetchall()
    columns = ("rule_id", "column_name", "rows", "first_row", "examples")
    assert previewed.rejects.select(columns).rows() == rejected
    assert previewed.unknown_codes["examples"].to_list() == [["待定"]]
    ignored = release.execute(
        "SELECT reason, row_count FROM meta.ignored_rows ORDER BY reason"
    ).fetchall()
    assert previewed.ignored.rows() == ignored
    assert previewed.unmapped == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "sample_no: 样品编号",
            "sample_nr: 样品编号",
            "records.sample: no column 'sample_nr' in core.sample",
        ),
        (
            "parameter_code: 农药",
            "parameter_code: 农药\n          seq: 序号",
            "the pipeline gives 'seq'; leave it out",
        ),
        ("tables:", f"tables:\n  alone:\n{ALONE}", "versions would clash; make two sources"),
        ("kind: csv", "kind: csv, colour: red", "colour"),
    ],
)
def test_mistakes_in_the_yaml_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (SOURCES / "county_tests.yml").read_text("utf-8")
    assert old in text
    path = tmp_path / "county_tests.yml"
    path.write_text(text.replace(old, new, 1), "utf-8")

    with pytest.raises(ConfigurationError, match=message) as raised:
        load_source(path)

    assert "county_tests.yml" in str(raised.value)


def test_the_command_shows_it_and_leaves_no_trace(
    county: County, samplehouse: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")

    code, said = samplehouse(home, "sources", "preview", str(county.file), "-s", "county_tests")

    assert code == 0
    assert said.startswith(f"{FILE}: loaded\n")
    for part in ("core.sample: the first of 12 records", "2024年2月30日", "待定", "above_header"):
        assert part in said
    assert not home.root.exists()
    code, said = samplehouse(home, "sources")
    assert code == 0
    assert "county_tests" in said
