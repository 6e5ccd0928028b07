"""What the command line prints: tables and sentences, nothing that is computed."""

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from warehouse.errors import printable

if TYPE_CHECKING:
    import polars as pl

    from assets.ingest.preview import Preview
    from pipelines.nightly import NightOutcome
    from warehouse.release_compare import TableDifference
    from warehouse.release_diff import ReleaseDiff
    from warehouse.release_store import Release
    from warehouse.source import Source

COLOURS = {"passed": "green", "loaded": "green", "failed": "red", "error": "red", "held": "red"}
MOST_PROBLEMS = 20

PIPE_WIDTH = 140  # where the output is no terminal, tables need not be squeezed

out = Console(highlight=False)
if not out.is_terminal:
    out = Console(highlight=False, width=PIPE_WIDTH)
errors = Console(stderr=True, highlight=False)


def error(message: str) -> None:
    """One message on standard error."""
    errors.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)


def say(message: str) -> None:
    """One line of plain words."""
    out.print(escape(message), soft_wrap=True)


def progress() -> None:
    """Tell on a terminal what a long night is doing, stage by stage."""
    log = logging.getLogger("samplehouse.progress")
    if errors.is_terminal and not log.handlers:
        log.addHandler(_Told())


class _Told(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        errors.print(f"[dim]{escape(record.getMessage())}[/]", soft_wrap=True)


def text(content: str) -> None:
    """Text as it is, for other programs: no colours, no wrapping."""
    out.file.write(content + "\n")


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: str = ""
) -> None:
    """A table; `right` names the columns that are numbers, separated by spaces."""
    grid = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in columns:
        is_number = column in right.split()
        grid.add_column(column, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(_cell(value) for value in row))
    out.print(grid)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = escape(str(value))
    return f"[{COLOURS[text]}]{text}[/]" if text in COLOURS else text


def frame(title: str, data: "pl.DataFrame") -> None:
    """A data frame as a table."""
    numbers = [
        name for name, kind in zip(data.columns, data.dtypes, strict=True) if kind.is_numeric()
    ]
    table(title, data.columns, data.rows(), right=" ".join(numbers))


def night(outcome: "NightOutcome") -> None:
    """What a night did: deliveries, what needs a look, and the release."""
    if outcome.statuses:
        found = ", ".join(f"{count:,} {status}" for status, count in outcome.statuses.items())
        days = len(outcome.days)
        say(f"Deliveries of {days} {'day' if days == 1 else 'days'}: {found}.")
    else:
        say("No new deliveries.")
    for day in outcome.strange_days:
        say(f"Not read: {day} is before the first day or after today; rename its folder.")
    for message in outcome.wrong_sources:
        told = "; ".join(line.strip() for line in message.splitlines())
        say(f"Source not read, its files wait: {printable(told)}")
    for path in outcome.misplaced[:MOST_PROBLEMS]:
        say(f"Not read: {printable(path)}: files are read from landing/SOURCE/2024-05-01; move it")
    for each in outcome.stopped[:MOST_PROBLEMS]:
        say(f"{each.status}: {each.source_id}/{printable(each.file_name)}: {each.message}")
    if (more := len(outcome.stopped) - MOST_PROBLEMS) > 0:
        say(f"… and {more:,} more files that were not loaded: see `samplehouse status`.")
    if outcome.left_over:
        files = "file" if outcome.left_over == 1 else "files"
        say(
            f"Still not loaded, from earlier days: {outcome.left_over:,} {files}; "
            "`samplehouse status` says why and what to do."
        )
    for check in sorted(outcome.failed_checks, key=lambda check: not check.blocking)[
        :MOST_PROBLEMS
    ]:
        kind = "blocked by" if check.blocking else "warning"
        say(f"{kind}: {check.table} {check.rule}: {check.description}")
    for message in outcome.errors:
        error(message)
    _last_release(outcome)


def _last_release(outcome: "NightOutcome") -> None:
    release = outcome.release
    if outcome.published and release is not None:
        say(f"Release {release.release_id} published: {release.path}")
    elif release is not None:
        error(f"no new release; {release.release_id} stays. `samplehouse check` shows the checks")
    else:
        error("no release was built. `samplehouse check` shows the checks")


def sources(known: "Iterable[Source]") -> None:
    """The known sources."""
    rows = [(each.source_id, each.format.kind, each.publisher, each.title) for each in known]
    table("", ("source", "format", "publisher", "title"), rows)


def preview(found: "Preview") -> None:
    """How a file would be read."""
    delivery = found.delivery
    say(f"{printable(str(delivery['file_name']))}: {delivery['status']}")
    if delivery["message"]:
        say(str(delivery["message"]))
    counts = [(name.removeprefix("rows_"), delivery[name]) for name in delivery if "rows_" in name]
    table("Rows", ("outcome", "rows"), counts, right="rows")
    for target, columns in found.mapping.items():
        table(f"{target}: where its columns come from", ("column", "from"), columns)
    for target, (count, records) in found.records.items():
        first = [f"record {number}" for number in range(1, records.height + 1)]
        values = [(column.name, *column.to_list()) for column in records]
        table(f"{target}: the first of {count:,} records", ("column", *first), values)
    if not found.rejects.is_empty():
        frame("Rejected", found.rejects)
    if not found.unknown_codes.is_empty():
        frame("Unknown codes", found.unknown_codes)
    if not found.ignored.is_empty():
        frame("Left out, as the source says", found.ignored)
    if not found.control_totals.is_empty():
        frame("Totals that the file states", found.control_totals)


def releases(kept: "Sequence[Release]") -> None:
    """Kept releases, newest first."""
    rows = [
        (
            each.release_id,
            "published" if each.current else "",
            each.as_of or "all",
            each.inputs,
            each.code_version,
        )
        for each in reversed(kept)
    ]
    table("", ("release", "", "as of", "inputs", "code"), rows, right="inputs")


def differences(found: "Sequence[TableDifference]") -> None:
    """Which tables of two releases differ, and the first rows of each that do."""
    equal = sum(each.equal for each in found)
    say(f"{equal} of {len(found)} tables are equal.")
    unlike = [each for each in found if not each.equal]
    rows = [
        (each.table, each.rows_a, each.rows_b, each.only_in_a, each.only_in_b) for each in unlike
    ]
    if rows:
        columns = ("table", "rows in A", "rows in B", "only in A", "only in B")
        table("", columns, rows, right=" ".join(columns[1:]))
    for each in unlike:
        for name, sample in (("A", each.sample_a), ("B", each.sample_b)):
            if sample:
                values = [list(row.values()) for row in sample[:5]]
                table(f"{each.table}: rows only in {name}", list(sample[0]), values)


def figures(found: "ReleaseDiff") -> None:
    """Figures that differ between two releases, and what changed them."""
    reported = found.ledger.select("plan_id", "target_id").n_unique()
    say(f"{found.figures.height:,} figures from records and {reported:,} from the ledger differ.")
    rows = [
        (
            f"{row['indicator_id']}: {row['variant_id']}",
            row["period"] + (" to date" if row["period_type"] == "year_to_date" else ""),
            row["slice"],
            _figure(row, "a"),
            _figure(row, "b"),
            row["changed_by"],
        )
        for row in found.figures.iter_rows(named=True)
    ]
    if rows:
        table("Figures", ("figure", "period", "slice", "A", "B", "changed by"), rows)

    causes = [
        (
            f"{row['indicator_id']}: {row['variant_id']}",
            row["period"],
            row["slice"],
            row["cause"],
            row["units"],
            f"{_added(row['numerator'])}/{_added(row['denominator'])}",
            row["received_on"],
            row["file_name"],
        )
        for row in found.main_causes.iter_rows(named=True)
    ]
    if causes:
        columns = ("figure", "period", "slice", "cause", "units", "adds", "received", "file")
        table("What changed them", columns, causes, right="units adds")
    if not found.ledger.is_empty():
        frame("Ledger", found.ledger.drop("plan_id"))
    if not (found.is_empty or found.definitions.is_empty()):
        frame(
            "Definitions, lists and code that differ (rows in one release only)", found.definitions
        )


def _added(count: int | None) -> str:
    return "-" if count is None else f"{count:+,}"


def _figure(row: dict[str, Any], side: str) -> str:
    """Value, counts and status of one release; absent where it did not hold the figure."""
    if row[f"denominator_{side}"] is None:
        return "absent"
    value, status = row[f"value_{side}"], row[f"status_{side}"]
    numerator = row[f"numerator_{side}"]
    shown = "-" if numerator is None else f"{numerator:,}"
    counts = f"({shown}/{row[f'denominator_{side}']:,})"
    return f"{'-' if value is None else format(value, '.4f')} {counts} {status or ''}".rstrip()
