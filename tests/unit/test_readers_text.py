"""Delimited text: both ways give the grid that the csv module gives, cell by cell."""

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.ingest.readers import read_to_parquet
from assets.ingest.readers.text import inspect, read_carefully, read_fast
from warehouse.source import Format

CSV = Format(kind="csv")

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


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
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


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
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


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(grid=grids, separator=st.sampled_from([",", "\t", ";"]))
def test_both_ways_give_one_grid(tmp_path: Path, grid: Grid, separator: str) -> None:
    path, fast, careful = (tmp_path / name for name in ("in.csv", "fast.parquet", "slow.parquet"))
    written(grid, path, delimiter=separator)
    layout = inspect(path)
    if layout.spaced_quotes or read_fast(path, separator, layout, fast) is None:
        return
    read_carefully(path, separator, careful)
    assert pl.read_parquet(fast).equals(pl.read_parquet(careful))


def test_the_fast_way_is_taken_and_agrees_on_a_file_of_several_chunks(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    line = ",".join(f"value {n}" for n in range(12))
    path.write_text("".join(f"{n},{line}\n" for n in range(30_000)), encoding="utf-8")
    fast, careful = tmp_path / "fast.parquet", tmp_path / "careful.parquet"
    assert read_fast(path, ",", inspect(path), fast) == 30_000
    assert read_carefully(path, ",", careful) == 30_000
    assert pl.read_parquet(fast).equals(pl.read_parquet(careful))
    assert read_to_parquet(path, CSV, tmp_path / "out.parquet").notes == ("streamed",)


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
