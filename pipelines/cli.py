"""The command line: `samplehouse`.

Exit codes: 0 done; 1 done, with something to look at (held deliveries, failed checks that do not
block); 2 the command cannot be done as it was given; 3 there is no new release.

Imports wait inside the commands: `samplehouse --help` need not load an engine.
"""

import datetime as dt
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipelines import show
from pipelines.arguments import as_day
from pipelines.draw import draw_app
from pipelines.settings import Settings, read_settings
from warehouse.errors import BlockedError, ConfigurationError, SamplehouseError, printable
from warehouse.machine import load_without_looking_for_garbage

if TYPE_CHECKING:
    from warehouse.source import Source

DONE, LOOK, USAGE, NO_RELEASE = 0, 1, 2, 3

app = typer.Typer(
    help="Inspection and sampling results: files as published in, one checked DuckDB file out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
sources_app = typer.Typer(help="Known sources, and how a file would be read.")
release_app = typer.Typer(help="Published releases.", no_args_is_help=True)
app.add_typer(sources_app, name="sources", invoke_without_command=True)
app.add_typer(release_app, name="release")
ledger_app = typer.Typer(help="Figures that only offices can report.", no_args_is_help=True)
app.add_typer(ledger_app, name="ledger")
app.add_typer(draw_app, name="draw")


def main() -> None:
    """Run the command line; what goes wrong becomes one message and an exit code."""
    try:
        app()
    except BlockedError as error:
        show.error(str(error))
        sys.exit(NO_RELEASE)
    except SamplehouseError as error:
        show.error(str(error))
        sys.exit(USAGE)
    except KeyboardInterrupt:
        show.error("interrupted; what was published stays as it is")
        sys.exit(130)
    except Exception as error:
        if os.environ.get("SAMPLEHOUSE_TRACEBACK"):
            raise
        show.error(
            f"unexpected {type(error).__name__}: {error}\n"
            "This is a fault of Samplehouse or of the machine. What was published stays as it is. "
            "SAMPLEHOUSE_TRACEBACK=1 shows where it happened"
        )
        sys.exit(NO_RELEASE)


def _days(text: str) -> tuple[dt.date, ...]:
    first, _, last = text.partition(":")
    start, end = as_day(first), as_day(last or first)
    if end < start:
        raise typer.BadParameter(f"{end} is before {start}")
    return tuple(start + dt.timedelta(days=n) for n in range((end - start).days + 1))


def _source(settings: Settings, source_id: str) -> "Source":
    known, wrong = settings.sources()
    if source_id not in known and source_id in wrong:
        raise SamplehouseError(wrong[source_id])
    if source_id not in known:
        raise SamplehouseError(
            f"there is no source '{source_id}'; known sources: {', '.join(sorted(known)) or 'none'}"
        )
    return known[source_id]


SourceId = Annotated[str, typer.Option("--source", "-s", help="Which source the files are of.")]


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="Another seed, another city.")] = 20240702,
    scale: Annotated[float, typer.Option(min=0.01, help="Size of the city.")] = 1.0,
) -> None:
    """Deliver the files of a synthetic city's year, and build a release from them."""
    from pipelines.demo import deliver_demo, pass_rates  # noqa: PLC0415 - loads the engines
    from pipelines.nightly import run_night  # noqa: PLC0415 - as above
    from pipelines.scorecard import scorecard_rows, summary  # noqa: PLC0415 - as above

    settings = read_settings()
    show.progress()
    files = deliver_demo(settings.home, seed=seed, scale=scale)
    show.say(f"{files:,} files of a synthetic city year are in {settings.home.landing}")
    outcome = run_night(settings)
    show.night(outcome)
    if outcome.release is not None:
        show.frame("Pass rates of the year", pass_rates(outcome.release.path))
        for line in summary(scorecard_rows(outcome.release.path, None)):
            show.say(line)
        show.say("Every target: samplehouse scorecard. Why a figure: samplehouse explain FIGURE")
        show.say("See how it was made: make ui (or samplehouse ui)")
    raise typer.Exit(outcome.exit_code)


@app.command()
def receive(
    files: Annotated[list[Path], typer.Argument(help="Files as published.")],
    source: SourceId,
    on: Annotated[
        dt.date | None,
        typer.Option(parser=as_day, metavar="DATE", help="Day of receipt, today by default."),
    ] = None,
) -> None:
    """Put files in landing, where the next night reads them."""
    from assets.ingest.landing import receive as land  # noqa: PLC0415 - loads the engines
    from pipelines.partitions import checked_day, today  # noqa: PLC0415 - as above

    settings = read_settings()
    known = _source(settings, source)
    day = checked_day(on or today())
    for path in land(settings.home, known.source_id, files, day):
        show.say(f"received {printable(str(path.relative_to(settings.root)))}")


@app.command()
def nightly(
    on: Annotated[
        dt.date | None,
        typer.Option(parser=as_day, metavar="DATE", help="The night's day; later files wait."),
    ] = None,
    as_of: Annotated[
        dt.date | None,
        typer.Option(
            parser=as_day, metavar="DATE", help="Publish only what was received up to this day."
        ),
    ] = None,
    again: Annotated[
        str, typer.Option(metavar="DAY[:DAY]", help="Days to read again, from one to another.")
    ] = "",
) -> None:
    """Read what waits, check it, run the models and publish the release."""
    load_without_looking_for_garbage()
    from pipelines.nightly import run_night  # noqa: PLC0415 - loads the engines
    from pipelines.partitions import checked_day  # noqa: PLC0415 - as above

    if as_of is not None and (on is not None or again):
        raise typer.BadParameter("--as-of reads nothing, so it goes with neither --on nor --again")
    show.progress()
    repeated = _days(again) if again else ()
    for day in (on, as_of, *repeated):
        if day is not None:
            checked_day(day)
    outcome = run_night(read_settings(), on=on, as_of=as_of, again=repeated)
    show.night(outcome)
    raise typer.Exit(outcome.exit_code)


@sources_app.callback()
def sources(context: typer.Context) -> None:
    """List the known sources."""
    if context.invoked_subcommand is None:
        known, wrong = read_settings().sources()
        show.sources(known.values())
        if wrong:
            raise ConfigurationError("\n".join(wrong.values()))


@sources_app.command("preview")
def sources_preview(file: Path, source: SourceId) -> None:
    """Show how a file would be read, before it is received."""
    from assets.ingest.preview import preview  # noqa: PLC0415 - loads the engines

    settings = read_settings()
    show.preview(preview(file, _source(settings, source), settings.resources))


@app.command()
def status() -> None:
    """What was received, what needs a look, and the last release."""
    from pipelines.status import delivery_status  # noqa: PLC0415 - loads DuckDB

    settings = read_settings()
    found = delivery_status(settings.home)
    show.table("Deliveries", ("source", "status", "files", "last"), found.counts, right="files")
    for source_id, file_name, state, message in found.problems:
        show.say(f"{state}: {source_id}/{printable(file_name)}: {message}")
    show.say(f"Release: {found.release or 'none yet; `samplehouse nightly` builds one'}")
    raise typer.Exit(LOOK if found.problems else DONE)


@app.command()
def check(
    everything: Annotated[bool, typer.Option("--all", help="Also checks that passed.")] = False,  # noqa: FBT002 - typer's way of a flag
) -> None:
    """The last outcome of every check, failing ones first."""
    from pipelines.status import check_results  # noqa: PLC0415 - loads DuckDB

    results = check_results(read_settings().home)
    passed = sum(1 for result in results if result.outcome == "passed")
    columns = ("scope", "table", "rule", "outcome", "action", "failed", "checked", "observed")
    rows = [result for result in results if everything or result.outcome != "passed"]
    if rows:
        show.table("", columns, rows, right="failed checked")
    show.say(f"{passed:,} of {len(results):,} checks passed.")
    # Rows that the quarantine turned away are its work, not a failure of a table.
    bad = [each for each in results if each.outcome != "passed" and each.of_table]
    blocked = any(each.action == "block" for each in bad)
    raise typer.Exit(NO_RELEASE if blocked else LOOK if bad else DONE)


@release_app.command("list")
def release_list() -> None:
    """Kept releases, newest first."""
    from warehouse.release_store import list_releases  # noqa: PLC0415 - loads DuckDB

    show.releases(list_releases(read_settings().home))


@release_app.command("rollback")
def release_rollback(release_id: str) -> None:
    """Publish a kept release again."""
    from warehouse.release_store import rollback  # noqa: PLC0415 - loads DuckDB

    release = rollback(read_settings().home, release_id)
    show.say(f"Release {release.release_id} is published again.")


@release_app.command("compare")
def release_compare(a: str, b: str) -> None:
    """Compare two kept releases table by table; exit code 1 where they differ."""
    from warehouse.release_compare import compare_releases  # noqa: PLC0415 - loads DuckDB
    from warehouse.release_store import kept_file  # noqa: PLC0415 - as above

    settings = read_settings()
    one, other = (kept_file(settings.home, release_id) for release_id in (a, b))
    found = compare_releases(one, other, settings.resources)
    show.differences(found)
    raise typer.Exit(DONE if all(each.equal for each in found) else LOOK)


@release_app.command("verify")
def release_verify(release_id: str) -> None:
    """Compute the fingerprints of a kept release from every row; exit code 1 where one differs."""
    from warehouse.release_compare import verify_release  # noqa: PLC0415 - loads DuckDB
    from warehouse.release_store import kept_file  # noqa: PLC0415 - as above

    settings = read_settings()
    wrong = verify_release(kept_file(settings.home, release_id), settings.resources)
    for table in wrong:
        show.say(f"{table}: its rows are not those that the release states")
    show.say(f"{len(wrong)} tables differ." if wrong else "Every table is as the release states.")
    raise typer.Exit(LOOK if wrong else DONE)


@release_app.command("diff")
def release_diff(
    a: str,
    b: str,
    slices: Annotated[bool, typer.Option("--slices", help="Also divisions, categories …")] = False,  # noqa: FBT002 - typer's way of a flag
) -> None:
    """Figures that differ between two kept releases, and what changed them; exit code 1 if any."""
    from warehouse.release_diff import diff_releases  # noqa: PLC0415 - loads DuckDB
    from warehouse.release_store import kept_file  # noqa: PLC0415 - as above

    settings = read_settings()
    one, other = (kept_file(settings.home, release_id) for release_id in (a, b))
    found = diff_releases(one, other, slices=slices, resources=settings.resources)
    show.figures(found)
    raise typer.Exit(DONE if found.is_empty else LOOK)


Lang = Annotated[Literal["en", "zh"], typer.Option("--lang", help="Language of what is printed.")]


@app.command()
def scorecard(
    plan: Annotated[str | None, typer.Option(help="Which plan, where there are several.")] = None,
    lang: Lang = "en",
    file_format: Annotated[
        Literal["table", "csv", "json", "xlsx"], typer.Option("--format", help="How it is given.")
    ] = "table",
    output: Annotated[Path | None, typer.Option(help="File to write, not the screen.")] = None,
) -> None:
    """Every target and milestone of the plan: its figure, status and evidence."""
    from pipelines import scorecard as card  # noqa: PLC0415 - loads DuckDB and Polars

    rows = card.scorecard_rows(read_settings().home.release_file, plan)
    if file_format != "table":
        show.text(card.write(rows, file_format, output))
        return
    if output is not None:
        raise typer.BadParameter("--output goes with --format csv, json or xlsx")
    show.table("", card.HEADINGS[lang], card.lines(rows, lang), right=card.NUMBERS)
    for line in card.summary(rows, lang):
        show.say(line)


@app.command()
def explain(  # noqa: PLR0913, PLR0917 - the options of the command
    indicator: Annotated[str, typer.Argument(help="Indicator or target, such as food_pass_rate.")],
    period: Annotated[
        str | None, typer.Option(help="2024, 2024Q2 or 2024-05; the last year by default.")
    ] = None,
    division: Annotated[str | None, typer.Option(help="Code of a division.")] = None,
    variant: Annotated[
        str | None, typer.Option(help="Way of counting; the official one by default.")
    ] = None,
    as_of: Annotated[
        dt.date | None,
        typer.Option(
            parser=as_day, metavar="DATE", help="The figure as it could be known on that day."
        ),
    ] = None,
    lang: Lang = "en",
    most: Annotated[int, typer.Option(min=0, help="Failing rows to list; 0 lists all.")] = 20,
) -> None:
    """What a figure means, what it is made of, and the rows that lower it."""
    from pipelines.explain import explanation, figures  # noqa: PLC0415 - loads DuckDB and Polars

    asked = (indicator, variant, period, division)
    with figures(read_settings(), as_of) as con:
        parts = explanation(con, *asked, language=lang, most=most)
    for part in parts:
        if isinstance(part, str):
            show.say(part)
        else:
            show.frame(part.title, part.rows)


@app.command()
def table(
    name: Annotated[str, typer.Argument(help="Table such as mart.campaign_result.")],
    where: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=VALUE", help="Only rows with this value.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Rows to show.")] = 20,
) -> None:
    """Show a table of the release: what it holds, and its first rows."""
    from pipelines.tables import shown_table  # noqa: PLC0415 - loads DuckDB

    found = shown_table(read_settings().home.release_file, name, where or (), most)
    show.say(found.words)
    show.frame("", found.rows)
    show.say(f"{found.total:,} rows{'' if found.total <= most else f', {most} of them shown'}.")


@app.command()
def coverage(
    plan: Annotated[str | None, typer.Option(help="Which plan, where there are several.")] = None,
) -> None:
    """What serves each target, milestone and mechanism, and whether the release has rows of it."""
    from pipelines.tables import coverage_lines  # noqa: PLC0415 - loads DuckDB

    lines = coverage_lines(read_settings().home.release_file, plan)
    show.frame("", lines)
    counts = dict(lines["state"].value_counts().rows())
    show.say(", ".join(f"{count} {state}" for state, count in sorted(counts.items())) + ".")


@ledger_app.command("template")
def ledger_template(
    file: Annotated[Path, typer.Argument(help="Workbook to write, such as ledger.xlsx.")],
    plan: Annotated[str | None, typer.Option(help="Which plan, where there are several.")] = None,
) -> None:
    """Write the workbook in which offices report what the plan counts and no sample can show."""
    from warehouse.ledger_template import write_ledger_template  # noqa: PLC0415 - loads Polars
    from warehouse.plan_files import chosen_plan  # noqa: PLC0415 - as above

    chosen = chosen_plan(plan)
    write_ledger_template(chosen, file)
    show.say(
        f"{file} lists the {len(chosen.items)} targets and milestones of {chosen.plan_id}. Filled "
        f"in, it is received with: samplehouse receive {file} --source ledger"
    )


@app.command()
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the UI.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Open the Dagster UI and the daemon that runs the nightly schedule."""
    from pipelines.ui import serve  # noqa: PLC0415 - loads Dagster

    serve(read_settings(), host=host, port=port)
