"""`samplehouse draw`: freeze rosters, draw from them, and prove that a draw is right."""

import datetime as dt
import hashlib
from pathlib import Path
from typing import Annotated

import typer

from pipelines import show
from pipelines.arguments import as_day
from warehouse.errors import SamplehouseError, printable

DONE, LOOK = 0, 1

draw_app = typer.Typer(
    help="Random draws of objects and inspectors (双随机) that anyone can make again.",
    no_args_is_help=True,
)

Roster = Annotated[Path, typer.Option(help="CSV or workbook.")]
Output = Annotated[Path | None, typer.Option(help="File to write.")]


@draw_app.command("plan")
def plan(
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN", help="The draw's plan, a YAML.")],
    objects: Roster,
    inspectors: Roster,
    conflicts: Annotated[
        Path | None, typer.Option(help="Who must not visit what: 人员编号, 对象编号.")
    ] = None,
    output: Output = None,
) -> None:
    """Freeze plan and rosters; publish the file's hash before the public number is known."""
    import polars as pl  # noqa: PLC0415 - takes a while, and `--help` needs none

    from assets.draw.files import read_roster  # noqa: PLC0415 - loads the engines
    from assets.draw.plan import freeze  # noqa: PLC0415 - as above
    from warehouse.contract import read_yaml  # noqa: PLC0415 - as above

    if not plan_file.is_file():
        raise SamplehouseError(f"there is no file {plan_file}")
    stated = read_yaml(plan_file)
    if not isinstance(stated, dict):
        raise SamplehouseError(f"{plan_file.name}: a plan is a mapping of keys")
    none = pl.DataFrame(schema={"inspector_id": pl.String, "unit_id": pl.String})
    frozen = freeze(
        stated,
        read_roster(objects),
        read_roster(inspectors),
        none if conflicts is None else read_roster(conflicts),
    )
    path = output or plan_file.with_name(f"{_file_name(frozen.plan.draw_no)}.roster.txt")
    _write(path, frozen.text)
    show.say(
        f"{path} holds {frozen.objects.height:,} objects and {frozen.inspectors.height:,} "
        f"inspectors, frozen on {frozen.plan.frozen_on}."
    )
    show.say(f"Publish now: SHA-256 {frozen.roster_hash}")
    show.say(f"The draw waits for: {frozen.plan.number_source}, {frozen.plan.number_due_on}")


@draw_app.command("run")
def run(
    frozen_file: Annotated[Path, typer.Argument(metavar="FROZEN", help="Of `draw plan`.")],
    number: Annotated[str, typer.Option(help="The public number, as it was published.")],
    on: Annotated[
        dt.date | None,
        typer.Option(parser=as_day, metavar="DATE", help="Day of the draw, today by default."),
    ] = None,
    replacements: Annotated[
        Path | None,
        typer.Option(help="Objects that cannot be visited: 对象编号, 更换原因, 更换日期."),
    ] = None,
    output: Output = None,
) -> None:
    """Draw objects and inspectors, and write the audit with which anyone can do it again."""
    from assets.draw.audit import draw  # noqa: PLC0415 - loads the engines
    from assets.draw.files import read_replacements, read_text  # noqa: PLC0415 - as above
    from assets.draw.plan import read_frozen  # noqa: PLC0415 - as above
    from pipelines.partitions import today  # noqa: PLC0415 - as above

    frozen = read_frozen(read_text(frozen_file), frozen_file.name)
    changed = [] if replacements is None else read_replacements(replacements)
    audit = draw(frozen, number, on or today(), changed)
    path = output or frozen_file.with_name(f"{_file_name(frozen.plan.draw_no)}.audit.json")
    _write(path, audit.text)
    drawn = audit.objects.filter(audit.objects["status"].is_in(["drawn", "replacement"]))
    show.frame("To be visited", drawn.group_by("stratum").len("objects").sort("stratum"))
    passed_over = audit.assignments.filter(audit.assignments["outcome"] != "assigned").height
    show.say(
        f"{path}: {drawn.height:,} of {audit.objects.height:,} objects; {passed_over:,} inspectors "
        "passed over, each with its reason."
    )
    show.say(f"SHA-256 {hashlib.sha256(audit.text.encode()).hexdigest()}")
    show.say(f"For the warehouse: samplehouse receive {path} --source draw_audit")


@draw_app.command("verify")
def verify(
    audit_file: Annotated[Path, typer.Argument(metavar="AUDIT", help="Of `draw run`.")],
    frozen: Annotated[
        Path | None, typer.Option(help="The frozen file as it was published.")
    ] = None,
    roster_hash: Annotated[str, typer.Option(help="Its hash as it was published.")] = "",
    number: Annotated[str, typer.Option(help="The public number, from its publisher.")] = "",
    sha256: Annotated[str, typer.Option(help="Hash of the audit as it was published.")] = "",
) -> None:
    """Make the draw again and compare; exit code 1 where anything differs."""
    from assets.draw.files import read_text  # noqa: PLC0415 - loads the engines
    from assets.draw.verify import verify as verified  # noqa: PLC0415 - as above

    if frozen is not None:
        of_file = hashlib.sha256(read_text(frozen).encode()).hexdigest()
        if roster_hash and roster_hash.lower() != of_file:
            raise SamplehouseError(f"{frozen.name} has the hash {of_file}, not {roster_hash}")
        roster_hash = of_file
    text = read_text(audit_file)
    published = {"roster_hash": roster_hash.lower(), "public_number": number}
    problems = verified(text, audit_file.name, **published)
    of_audit = hashlib.sha256(text.encode()).hexdigest()
    if sha256 and sha256.lower() != of_audit:
        problems.append(f"SHA-256 of the file: {of_audit} is not the published {sha256}")
    for problem in problems:
        show.say(printable(problem))
    if problems:
        show.say(f"{audit_file.name} is NOT the draw that its roster and number give.")
        raise typer.Exit(LOOK)
    show.say(f"{audit_file.name} is the draw that its roster and number give, to the byte.")
    if not (roster_hash and number):
        show.say(
            "This holds for the roster and the number that the file states. Give --roster-hash (or "
            "--frozen) and --number as they were published to know that they are the right ones."
        )


@draw_app.command("publish")
def publish(
    draw_no: Annotated[str, typer.Argument(help="Number of the draw.")],
    output: Annotated[Path, typer.Option(help="Workbook to write, such as draw.xlsx.")],
    on: Annotated[
        dt.date | None,
        typer.Option(parser=as_day, metavar="DATE", help="Day of publication, today by default."),
    ] = None,
) -> None:
    """Write item, plan, task and results of a draw as they may be published, masked."""
    from pipelines.draw_publication import (  # noqa: PLC0415 - loads the engines
        publication,
        write_publication,
    )
    from pipelines.partitions import today  # noqa: PLC0415 - as above
    from pipelines.settings import read_settings  # noqa: PLC0415 - as above

    sheets = publication(read_settings().home.release_file, draw_no, on or today())
    write_publication(sheets, output)
    counted = ", ".join(f"{name} {rows.height}" for name, rows in sheets.items())
    show.say(f"{output}: {counted} rows")


def _file_name(draw_no: str) -> str:
    """The number of a draw without what file systems mind."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in draw_no)


def _write(path: Path, text: str) -> None:
    if path.exists() and path.read_bytes() != text.encode():
        raise SamplehouseError(
            f"{path} exists and holds something else; what was published is not overwritten: "
            "choose another --output"
        )
    path.write_bytes(text.encode())
