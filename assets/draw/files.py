"""The files that a draw is prepared from: rosters as offices keep them."""

from pathlib import Path

import polars as pl

from assets.draw.audit import Replacement
from warehouse.errors import SamplehouseError
from warehouse.reference_lists import codes, wordings

ENCODINGS = ("utf-8-sig", "gb18030")
LABELS = {
    "对象编号": "unit_id",
    "风险等级": "risk_class",
    "类别": "category",
    "行政区划代码": "division_code",
    "人员编号": "inspector_id",
    "更换原因": "reason",
    "更换日期": "replaced_on",
}


def read_roster(path: Path) -> pl.DataFrame:
    """A CSV file or the first sheet of a workbook as text; Chinese labels become column names.

    Raises:
        SamplehouseError: the file cannot be read.
    """
    try:
        if path.suffix.lower() == ".csv":
            rows = pl.read_csv(_decoded(path).encode(), infer_schema=False)
        else:
            rows = pl.read_excel(path, infer_schema_length=0)
    except (OSError, pl.exceptions.PolarsError, ValueError) as error:
        raise SamplehouseError(
            f"{path.name} cannot be read as CSV or workbook: {str(error).splitlines()[0]}"
        ) from error
    return rows.select(pl.all().cast(pl.String)).rename(LABELS, strict=False)


def _decoded(path: Path) -> str:
    raw = path.read_bytes()
    for encoding in ENCODINGS:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError(f"neither {' nor '.join(ENCODINGS)}")


def read_text(path: Path) -> str:
    """A frozen or audit file, to the byte: no line ends are changed.

    Raises:
        SamplehouseError: the file cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise SamplehouseError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SamplehouseError(f"{path} is not in UTF-8, so it is not as it was written") from error


def read_replacements(path: Path) -> list[Replacement]:
    """Rows unit_id, reason (a code or wording of `draw_replacement_reason`) and replaced_on.

    Raises:
        SamplehouseError: a column is missing, a reason is unknown or a day is none.
    """
    rows = read_roster(path)
    names = ("unit_id", "reason", "replaced_on")
    if missing := [name for name in names if name not in rows.columns]:
        raise SamplehouseError(f"{path.name}: no column {', '.join(missing)}")
    known = wordings("draw_replacement_reason")
    found = rows.select(
        pl.col("unit_id").str.strip_chars(),
        given="reason",
        reason=pl.col("reason").str.strip_chars().replace_strict(known, default=None),
        replaced_on=pl.col("replaced_on").str.head(10).str.to_date("%Y-%m-%d", strict=False),
    ).with_row_index("row", offset=2)
    wrong = found.filter(pl.any_horizontal(pl.col(names).is_null()))
    if not wrong.is_empty():
        row, given, day = wrong.select("row", "given", "replaced_on").row(0)
        what = (
            "the unit or the day (such as 2024-05-01)"
            if given in known or day is None
            else (f"the reason '{given}' (known: {', '.join(codes('draw_replacement_reason'))})")
        )
        raise SamplehouseError(f"{path.name}, row {row}: {what} cannot be understood")
    return [Replacement(*row) for row in found.select(names).rows()]
