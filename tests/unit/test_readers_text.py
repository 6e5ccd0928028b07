"""Delimited text: both ways give the grid that the csv module gives, cell by cell."""

import csv
import io
import json
import resource
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.ingest.readers import read_to_parquet
from assets.ingest.readers.text import inspect, read_carefully, read_fast
from warehouse.connection import Resources
from warehouse.errors import SamplehouseError
from warehouse.source import Format

CSV = Format(kind="csv")
RESOURCES = Resources(1, 1 << 30)

Grid = list[list[str]]

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6) | st.text(
    "a \"',;\t\r\n|‖║，\ufeff", max_size=6
)
grids = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(texts, min_size=width, max_size=width), min_size=1, max_size=8)
)
ragged_grids = st.lists(st.lists(texts, max_size=5), min_size=1, max_size=8)


def written(grid: Grid, path: Path, **options: str) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, **options).writerows(grid)  # type: ignore[arg-type]  # csv's own options
    data = buffer.getvalue().encode()
    path.write_bytes(data)
    return data


def read_back(path: Path) -> tuple[Grid, list[int]]:
    """Cells as texts ('' for null) and row numbers of a raw grid."""
    frame = pl.read_parquet(path, glob=False)
    assert frame.columns[:2] == ["source_sheet", "source_row"]
    assert frame["source_sheet"].null_count() == frame.height
    cells = frame.drop("source_sheet", "source_row").fill_null("")
    return [list(row) for row in cells.rows()], frame["source_row"].to_list()


def padded(grid: Grid) -> Grid:
    width = max(1, *map(len, grid))
    return [row + [""] * (width - len(row)) for row in grid]


def filled(grid: Grid) -> Grid:
    """The grid up to its last column with a text: blank columns at the end say nothing."""
    width = max(number + 1 for row in grid for number, cell in enumerate(row) if cell or not number)
    return [row[:width] for row in grid]


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(grid=grids, quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_a_csv_is_read_back_cell_by_cell(tmp_path: Path, grid: Grid, quoting: int) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=quoting).writerows(grid)  # type: ignore[arg-type]  # any int will do
    path.write_bytes(buffer.getvalue().removeprefix("\ufeff").encode())
    expected = list(csv.reader(io.StringIO(buffer.getvalue().removeprefix("\ufeff"), newline="")))
    result = read_to_parquet(path, CSV, out)
    cells, rows = read_back(out)
    assert cells == padded(expected)
    assert rows == list(range(1, len(expected) + 1))
    assert result.rows == len(expected)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(grid=ragged_grids)
def test_ragged_and_blank_rows_keep_their_numbers(tmp_path: Path, grid: Grid) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    data = written(grid, path)
    if not data.decode().removeprefix("\ufeff"):
        return
    expected = list(
        csv.reader(io.StringIO(data.decode().removeprefix("\ufeff"), newline=""), strict=True)
    )
    read_to_parquet(path, CSV, out)
    cells, rows = read_back(out)
    assert filled(cells) == filled(padded(expected))
    assert rows == list(range(1, len(expected) + 1))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(grid=grids, separator=st.sampled_from([",", "\t", ";"]))
def test_both_ways_give_one_grid(tmp_path: Path, grid: Grid, separator: str) -> None:
    path, fast, careful = (tmp_path / name for name in ("in.csv", "fast.parquet", "slow.parquet"))
    written(grid, path, delimiter=separator)
    layout = inspect(path)
    if layout.spaced_quotes or read_fast(path, separator, layout, fast, RESOURCES) is None:
        return
    read_carefully(path, separator, careful)
    assert pl.read_parquet(fast).equals(pl.read_parquet(careful))


def test_the_fast_way_is_taken_and_agrees_on_a_file_of_several_chunks(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    line = ",".join(f"value {n}" for n in range(12))
    path.write_text("".join(f"{n},{line}\n" for n in range(30_000)), encoding="utf-8")
    fast, careful = tmp_path / "fast.parquet", tmp_path / "careful.parquet"
    assert read_fast(path, ",", inspect(path), fast, RESOURCES) == 30_000
    assert read_carefully(path, ",", careful) == 30_000
    assert pl.read_parquet(fast).equals(pl.read_parquet(careful))
    assert read_to_parquet(path, CSV, tmp_path / "out.parquet").notes == ("streamed",)


PEAK = """
import json, sys
from pathlib import Path
from assets.ingest.readers import read_to_parquet
from warehouse import connection
from warehouse.source import Format

def peak():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) << 10

connection.LEAST = limit = 40 << 20
folder = Path(sys.argv[1])
found = [peak()]
for name in ("small.csv", "large.csv"):
    given = connection.Resources(1, limit, folder / "spill")
    read = read_to_parquet(folder / name, Format(kind="csv"), folder / "out.parquet", given)
    found.append(peak())
print(json.dumps([read.rows, read.notes, found[2] - found[1]]))
"""


def test_a_file_beyond_the_memory_limit_is_streamed(tmp_path: Path) -> None:
    if not Path("/proc/self/status").is_file():
        pytest.skip("the system does not tell the peak of a process's memory")
    line = ",".join(f"value {n}" for n in range(6))
    lines = "".join(f"{n},{line}\n" for n in range(10_000)).encode()
    (tmp_path / "small.csv").write_bytes(lines)
    large = tmp_path / "large.csv"
    large.write_bytes(lines * 150)
    assert large.stat().st_size > 75_000_000
    command = [sys.executable, "-c", PEAK, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - own code
    rows, notes, grown = json.loads(run.stdout)
    assert (rows, notes) == (1_500_000, ["streamed"])
    # The limit of 40 MiB, and what an allocator keeps; held in memory, the rows take 250 MB.
    assert grown < 80_000_000


@pytest.mark.parametrize(
    ("encoding", "first"), [("utf-8", "a,b"), ("utf-8", ""), ("gb18030", "名")]
)
def test_a_full_disk_is_told_and_is_no_fault_of_the_file(
    tmp_path: Path, encoding: str, first: str
) -> None:
    """Streamed, row by row, and on the way to UTF-8."""
    path = tmp_path / "in.csv"
    rows = "".join(f"{n},{n * 7_919 % 100_003}\n" for n in range(50_000))
    path.write_text(f"{first}\n{rows}", encoding)
    file_format = Format(kind="csv", encodings=("utf-8", "gb18030"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(
            SamplehouseError, match=r"in\.csv cannot be read .*File too large"
        ) as told:
            read_to_parquet(path, file_format, tmp_path / "out" / "out.parquet", RESOURCES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert type(told.value) is SamplehouseError  # no DeliveryError, which would mark the file
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    "data",
    [
        b"a,b\n\n1,2\n",
        b"a,b\n1\n1,2,3\n",
        b'a,b\n1, "x"\n',
        b'a,b\n"x\ny",2\n',
        b"a,b\r\n1,2\n3,4\r\n",
        b"title\n\na,b\n",
    ],
)
def test_what_the_fast_way_would_lose_is_read_row_by_row(tmp_path: Path, data: bytes) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    path.write_bytes(data)
    assert read_to_parquet(path, CSV, out).notes == ("row by row",)
    expected = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert read_back(out)[0] == padded(expected)


def test_blank_cells_beyond_the_others_say_nothing(tmp_path: Path) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    path.write_text("a,b\n1,2,,,\n3,\n", encoding="utf-8")
    read_to_parquet(path, CSV, out)
    assert filled(read_back(out)[0]) == [["a", "b"], ["1", "2"], ["3", ""]]


def test_extra_cells_far_down_make_further_columns(tmp_path: Path) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    path.write_text("a,b\n" * 500 + "1,2,3\n", encoding="utf-8")
    read_to_parquet(path, CSV, out)
    frame = pl.read_parquet(out)
    assert frame.columns == ["source_sheet", "source_row", "c1", "c2", "c3"]
    assert frame.row(-1) == (None, 501, "1", "2", "3")
    assert frame["c3"].null_count() == 500


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings_become_one(tmp_path: Path, encoding: str) -> None:
    text = "name,value\nété,½\n" if encoding == "latin-1" else "名称,值\n白菜，大,0.05\n"
    path, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    path.write_bytes(text.encode(encoding))
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    result = read_to_parquet(path, Format(kind="csv", encodings=("utf-8", declared)), out)
    assert result.encoding == declared
    assert read_back(out)[0] == [line.split(",") for line in text.splitlines()]


def test_a_character_on_the_border_of_two_chunks_is_whole(tmp_path: Path) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    text = "".join(f"{n},白菜\n" for n in range(120_000))  # beyond 1 MiB in GB 18030
    path.write_bytes(text.encode("gb18030"))
    result = read_to_parquet(path, Format(kind="csv", encodings=("utf-8", "gb18030")), out)
    assert (result.rows, result.encoding) == (120_000, "gb18030")
    assert pl.read_parquet(out)["c2"].unique().to_list() == ["白菜"]


@pytest.mark.parametrize(
    "name", ["it's 'quoted' \"twice\".csv", "new\nline.csv", "two  spaces.csv", "[a]*?{b}.csv"]
)
def test_any_file_name_is_read(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "home of 'O\"Neil' [x]"
    folder.mkdir()
    path = folder / name
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    read_to_parquet(path, CSV, folder / "raw" / "out.parquet")
    assert read_back(folder / "raw" / "out.parquet")[0] == [["a", "b"], ["1", "2"]]
    assert [item.name for item in (folder / "raw").iterdir()] == ["out.parquet"]
