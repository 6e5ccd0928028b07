"""One source's days from files to record versions: outcomes of rows, numbers of versions."""

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.ingest.landing import deliveries, pending_days, receive, register
from assets.ingest.run import SourceOutcome, ingest, read_raw
from warehouse.home import Home
from warehouse.source import Source

DAY = dt.date(2024, 3, 1)
NEXT_DAY = dt.date(2024, 3, 2)
LATER = dt.date(2024, 3, 5)

OUTCOMES = ["rows_used", "rows_rejected", "rows_duplicate", "rows_unchanged", "rows_ignored"]


def source(**changes: Any) -> Source:
    return Source.model_validate(
        {
            "source_id": "market",
            "title": "Market samples",
            "publisher": "Office",
            "licence": "none",
            "citation": "Office",
            "format": {"kind": "csv", "encodings": ["utf-8", "gb18030"]},
            "hold_above": 0.9,
            "tables": {
                "samples": {
                    "unused": ["serial"],
                    "optional": ["result", "parameter", "limit"],
                    "records": {
                        "sample": {
                            "rows": "many",
                            "columns": {
                                "sample_no": "no",
                                "domain": {"value": "food"},
                                "programme": {"value": "supervision"},
                                "sampling_basis": {"value": "random"},
                                "coverage": {"value": "complete"},
                                "sampled_on": "sampled",
                                "product_name": "product",
                                "verdict": {"from": "verdict", "codes": "verdict"},
                            },
                        },
                        "test_result": {
                            "when": {"parameter": "."},
                            "columns": {
                                "sample_no": "no",
                                "parameter_code": "parameter",
                                "parameter_name": "parameter",
                                "result_text": "result",
                                "limit_text": "limit",
                            },
                        },
                    },
                }
            },
            **changes,
        }
    )


class Office:
    """A home to which one source delivers."""

    def __init__(self, root: Path, its_source: Source) -> None:
        self.home = Home(root / "home")
        self.source = its_source
        self.sources = {its_source.source_id: its_source}
        self.outbox = root / "outbox"
        self.outbox.mkdir()

    def deliver(self, name: str, text: str, day: dt.date) -> None:
        path = self.outbox / name
        path.write_text(text, "utf-8")
        receive(self.home, self.source.source_id, [path], day)

    def run(self, *days: dt.date) -> SourceOutcome:
        register(self.home, self.sources, days)
        read_raw(self.home, self.source, days)
        (outcome,) = ingest(self.home, self.sources, days, check=False)
        return outcome

    def table(self, name: str) -> pl.DataFrame:
        files = self.home.partition_files(name)
        return (
            pl.scan_parquet(files, hive_partitioning=False).collect() if files else pl.DataFrame()
        )

    def counts(self) -> list[tuple[Any, ...]]:
        rows = deliveries(self.home)
        total = rows.select(pl.sum_horizontal(OUTCOMES)).to_series()
        assert total.to_list() == rows["rows_read"].to_list(), "every row has one outcome"
        return rows.select("status", *OUTCOMES).rows()


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path, source())


HEADER = "no,serial,sampled,product,verdict,parameter,result,limit\n"


def test_a_row_becomes_a_sample_and_its_result(office: Office) -> None:
    office.deliver("a.csv", HEADER + "S1,1,2024年3月1日,rice,不合格,lead,0.25mg/kg,≤0.2\n", DAY)
    office.run(DAY)
    assert office.counts() == [("loaded", 1, 0, 0, 0, 1)]
    (sample,) = office.table("core.sample").to_dicts()
    assert sample["sampled_on"] == dt.date(2024, 3, 1)
    assert (sample["verdict"], sample["version"], sample["source_row"]) == ("fail", 1, 2)
    (result,) = office.table("core.test_result").to_dicts()
    assert (result["qualifier"], float(result["value"]), result["unit"]) == ("=", 0.25, "mg/kg")
    assert (result["limit_comparator"], float(result["limit_high"])) == ("<=", 0.2)
    assert (result["derived_verdict"], result["seq"], result["version"]) == ("fail", 1, 1)


def test_each_row_has_one_outcome(office: Office) -> None:
    rows = [
        "S1,1,2024-03-01,rice,合格,,,",
        "S1,2,2024-03-01,rice,合格,,,",  # the running number is not mapped: a repeat
        "S2,3,2024-02-30,rice,合格,,,",  # no such day
        ",4,2024-03-01,rice,合格,,,",  # no number
        "S3,5,2024-03-01,rice,perhaps,,,",  # unknown wording
        ",,,,,,,",
        "S4,6,2024-03-01,rice,合格,,,",
    ]
    office.deliver("a.csv", HEADER + "\n".join(rows) + "\n", DAY)
    office.run(DAY)
    assert office.counts() == [("loaded", 2, 3, 1, 0, 2)]
    rejects = office.table("core.rejected_record").sort("source_row")
    assert rejects.select("source_row", "rule_id", "value_text").rows() == [
        (4, "unparsed_sampled_on", "2024-02-30"),
        (5, "missing_sample_no", ""),
        (6, "unknown_verdict", "perhaps"),
    ]
    assert rejects["row_cells"][2] == '["S3","5","2024-03-01","rice","perhaps"]'


def test_a_sample_on_several_rows_fails_when_one_item_fails(office: Office) -> None:
    rows = [
        "S1,1,2024-03-01,rice,合格,lead,0.1,≤0.2",
        "S1,2,2024-03-01,rice,不合格,cadmium,0.3,≤0.2",
    ]
    office.deliver("a.csv", HEADER + "\n".join(rows) + "\n", DAY)
    office.run(DAY)
    (sample,) = office.table("core.sample").to_dicts()
    assert sample["verdict"] == "fail"
    assert office.table("core.test_result").height == 2


def test_rows_that_say_different_things_of_one_sample_are_told(office: Office) -> None:
    rows = (
        "S1,1,2024-03-01,rice,合格,铅,0.1,\nS1,1,2024-03-01,rye,不合格,镉,0.3,\nS1,1,,,合格,汞,ND,\n"
        "S2,1,2024-03-01,rice,合格,铅,0.1,\nS2,1,2024-03-01,rice,不合格,镉,0.3,\n"
    )
    office.deliver("a.csv", HEADER + rows, DAY)
    office.run(DAY)
    assert office.table("core.sample").sort("sample_no")["product_name"].to_list() == ["rice"] * 2
    message = str(deliveries(office.home)["message"][0])
    assert "product_name (1)" in message
    assert "verdict" not in message


@pytest.mark.parametrize(
    ("lost", "verdict"),
    [
        ("S1,2,2024-02-30,rice,不合格,cadmium,0.3,≤0.2", "fail"),
        ("S1,2,2024-02-30,rice,合格,cadmium,0.1,≤0.2", "pass"),
        ("S1,2,2024-03-01,rice,perhaps,cadmium,0.3,≤0.2", None),
    ],
)
def test_losing_a_row_does_not_make_its_sample_better(
    office: Office, lost: str, verdict: str | None
) -> None:
    rows = ["S1,1,2024-03-01,rice,合格,lead,0.1,≤0.2", lost]
    office.deliver("a.csv", HEADER + "\n".join(rows) + "\n", DAY)
    office.run(DAY)
    assert office.counts() == [("loaded", 1, 1, 0, 0, 1)]
    assert office.table("core.sample")["verdict"].to_list() == [verdict]


def test_a_later_delivery_is_unchanged_or_a_new_version(office: Office) -> None:
    office.deliver(
        "a.csv", HEADER + "S1,1,2024-03-01,rice,合格,,,\nS2,2,2024-03-01,tea,合格,,,\n", DAY
    )
    office.run(DAY)
    office.deliver(
        "b.csv", HEADER + "S1,1,2024-03-01,rice,合格,,,\nS2,2,2024-03-01,tea,不合格,,,\n", LATER
    )
    office.run(LATER)
    assert office.counts() == [("loaded", 2, 0, 0, 0, 1), ("loaded", 1, 0, 0, 1, 1)]
    versions = office.table("core.sample").sort("sample_no", "version")
    assert versions.select("sample_no", "version", "verdict").rows() == [
        ("S1", 1, "pass"),
        ("S2", 1, "pass"),
        ("S2", 2, "fail"),
    ]


def test_going_back_to_an_earlier_content_is_a_new_version(office: Office) -> None:
    for day, verdict in ((DAY, "合格"), (NEXT_DAY, "不合格"), (LATER, "合格")):
        row = f"S1,{day:%d},2024-03-01,rice,{verdict},,,\n"  # no two files have the same bytes
        office.deliver(f"{day}.csv", HEADER + row, day)
    office.run(DAY, NEXT_DAY, LATER)
    versions = office.table("core.sample").sort("version")
    assert versions["verdict"].to_list() == ["pass", "fail", "pass"]


def test_running_a_day_again_changes_nothing(office: Office) -> None:
    office.deliver("a.csv", HEADER + "S1,1,2024-03-01,rice,合格,lead,0.1,≤0.2\n", DAY)
    office.deliver("b.csv", HEADER + "S1,1,2024-03-01,rice,不合格,lead,0.3,≤0.2\n", LATER)
    office.run(DAY, LATER)
    tables = ("core.sample", "core.test_result", "meta.delivery", "meta.ignored_rows")
    before = [office.table(name) for name in tables]
    office.run(DAY)
    assert all(old.equals(office.table(name)) for old, name in zip(before, tables, strict=True))


def test_a_day_received_late_renumbers_the_days_after_it(office: Office) -> None:
    office.deliver("b.csv", HEADER + "S1,1,2024-03-01,rice,合格,,,\n", LATER)
    office.run(LATER)
    office.deliver("a.csv", HEADER + "S1,9,2024-03-01,rice,合格,,,\n", DAY)
    office.run(DAY)
    assert office.counts() == [("loaded", 1, 0, 0, 0, 1), ("loaded", 0, 0, 0, 1, 1)]
    assert office.table("core.sample")["received_on"].to_list() == [DAY]


def test_the_same_bytes_add_nothing(office: Office) -> None:
    text = HEADER + "S1,1,2024-03-01,rice,合格,,,\n"
    office.deliver("a.csv", text, DAY)
    office.deliver("b.csv", text, LATER)
    office.run(DAY, LATER)
    assert office.counts() == [("loaded", 1, 0, 0, 0, 1), ("duplicate", 0, 0, 2, 0, 0)]
    assert "market-20240301-001" in str(deliveries(office.home)["message"][1])


def test_a_delivery_with_too_many_rejects_is_held(tmp_path: Path) -> None:
    office = Office(tmp_path, source(hold_above=0.4))
    bad = "".join(f"S{n},1,2024-03-01,rice,perhaps,,,\n" for n in range(3))
    office.deliver("a.csv", HEADER + bad + "S9,1,2024-03-01,rice,合格,,,\n", DAY)
    office.deliver("b.csv", HEADER + "S8,1,2024-03-01,rice,合格,,,\n", DAY)
    office.run(DAY)
    assert office.counts() == [("held", 0, 4, 0, 0, 1), ("loaded", 1, 0, 0, 0, 1)]
    assert "3 of 4 data rows" in str(deliveries(office.home)["message"][0])
    assert office.table("core.sample")["sample_no"].to_list() == ["S8"]
    held = office.table("core.rejected_record").filter(pl.col("rule_id") == "delivery_held")
    assert held.height == 1


def test_two_contents_of_one_sample_in_one_file(tmp_path: Path) -> None:
    changed = source().model_dump(by_alias=True, exclude_unset=True)
    changed["tables"]["samples"]["records"]["sample"]["rows"] = "one"
    office = Office(tmp_path, Source.model_validate(changed))
    verdicts = (("S1", "合格"), ("S1", "不合格"), ("S2", "合格"))
    rows = "".join(f"{number},1,2024-03-01,rice,{verdict},,,\n" for number, verdict in verdicts)
    office.deliver("a.csv", HEADER + rows, DAY)
    office.run(DAY)
    assert office.counts() == [("loaded", 1, 2, 0, 0, 1)]
    rejects = office.table("core.rejected_record")
    assert rejects["rule_id"].unique().to_list() == ["conflicting_versions"]
    assert rejects["value_text"].to_list() == ["S1", "S1"]


def test_several_results_in_one_cell(office: Office) -> None:
    row = "S1,1,2024-03-01,rice,不合格,菌落总数,①3.2×10³；②<10；③1.1×10⁴,\n"
    office.deliver("a.csv", HEADER + row, DAY)
    office.run(DAY)
    results = office.table("core.test_result").sort("seq")
    assert results["seq"].to_list() == [1, 2, 3]
    assert [float(value) for value in results["value"]] == [3200, 10, 11000]
    assert results["qualifier"].to_list() == ["=", "<", "="]


def test_a_file_that_does_not_fit_is_kept_row_by_row(office: Office) -> None:
    office.deliver("a.csv", "number,date\nS1,2024-03-01\nS2,2024-03-01\n", DAY)
    office.deliver("b.csv", HEADER + "S1,1,2024-03-01,rice,合格,,,\n", DAY)
    office.run(DAY)
    assert office.counts() == [("unreadable", 0, 3, 0, 0, 0), ("loaded", 1, 0, 0, 0, 1)]
    message = str(deliveries(office.home)["message"][0])
    assert "no" in message
    assert "number" in message


def test_days_wait_until_they_are_worked(office: Office) -> None:
    assert pending_days(office.home, office.sources) == []
    office.deliver("a.csv", HEADER + "S1,1,2024-03-01,rice,合格,,,\n", DAY)
    office.deliver("b.csv", HEADER + "S2,1,2024-03-01,rice,合格,,,\n", LATER)
    assert pending_days(office.home, office.sources) == [DAY, LATER]
    assert pending_days(office.home, office.sources, until=NEXT_DAY) == [DAY]
    office.run(DAY)
    assert pending_days(office.home, office.sources) == [LATER]


def test_a_folder_of_no_source_waits_for_its_source(office: Office) -> None:
    folder = office.home.landing_day("market_two", DAY)
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("x\n1\n", "utf-8")
    rows = register(office.home, office.sources, [DAY])
    assert rows["status"].to_list() == ["unknown_source"]
    assert pending_days(office.home, office.sources) == []
    both = {**office.sources, "market_two": office.source}
    assert pending_days(office.home, both) == [DAY]
    assert register(office.home, both, [DAY])["status"].to_list() == ["received"]


def test_files_wait_while_the_yaml_of_their_source_is_wrong(office: Office) -> None:
    folder = office.home.landing_day("market_two", DAY)
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("x\n1\n", "utf-8")
    columns = ("status", "message")
    for wrong in ("market_two.yml: format: Field required", "market_two.yml is not valid YAML"):
        rows = register(office.home, office.sources, [DAY], {"market_two": wrong})
        told = f"it waits until the YAML of its source is mended: {wrong}"
        assert rows.select(columns).rows() == [("unknown_source", told)]
    mended = {**office.sources, "market_two": office.source}
    assert pending_days(office.home, mended) == [DAY]
    assert register(office.home, mended, [DAY]).select(columns).rows() == [("received", None)]
