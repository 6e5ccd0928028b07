"""The night, driven from the command line: the same job as the schedule's, in this process."""

import datetime as dt
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl
from dagster import ExecuteInProcessResult

from assets.due import Due, due
from assets.ingest.landing import deliveries, misplaced, older_days, pending_days
from assets.records import NOT_LOADED
from assets.workplace import Workplace, today
from pipelines.definitions import build_definitions
from pipelines.event_log import night_instance
from pipelines.jobs import night_config
from pipelines.partitions import night_of, readable_days
from pipelines.settings import Settings
from warehouse import progress
from warehouse.errors import SamplehouseError
from warehouse.fingerprint import code_version
from warehouse.home import Home
from warehouse.machine import look_for_garbage_seldom
from warehouse.release import makers
from warehouse.release_ahead import copied_ahead
from warehouse.release_store import Release, read_release
from warehouse.tables import remove_abandoned

INSTANCE_CONFIG = Path(__file__).with_name("dagster.yaml")
_CHECK_FAILED = "DagsterAssetCheckFailedError"


@dataclass(frozen=True)
class FailedCheck:
    """A check that did not pass, in words; a blocking one stopped the release."""

    table: str
    rule: str
    blocking: bool
    description: str


@dataclass(frozen=True)
class StoppedDelivery:
    """A file that was not loaded, and why."""

    source_id: str
    file_name: str
    status: str
    message: str


@dataclass(frozen=True)
class NightOutcome:
    """What a night did.

    Attributes:
        run_id: the Dagster run.
        published: whether a release was built.
        days: days of receipt that were read.
        strange_days: days that wait but are no partitions (before 2015 or after today).
        misplaced: paths in landing where nothing is read.
        wrong_sources: what is wrong with the YAMLs of sources whose files wait for that.
        statuses: deliveries of those days by status.
        stopped: those of them that were not loaded.
        left_over: files of earlier days that are not loaded yet; not this night's doing.
        failed_checks: checks of tables that did not pass.
        errors: what else stopped the night, step by step.
        release: the published release, of this night or an earlier one.
    """

    run_id: str
    published: bool
    days: tuple[dt.date, ...]
    strange_days: tuple[dt.date, ...]
    misplaced: tuple[str, ...]
    wrong_sources: tuple[str, ...]
    statuses: dict[str, int]
    stopped: tuple[StoppedDelivery, ...]
    left_over: int
    failed_checks: tuple[FailedCheck, ...]
    errors: tuple[str, ...]
    release: Release | None

    @property
    def exit_code(self) -> int:
        """0 done; 1 done, with something to look at; 3 no new release."""
        if not self.published:
            return 3
        look = (self.stopped, self.failed_checks, self.strange_days, self.misplaced)
        return 1 if any((*look, self.wrong_sources)) else 0


def run_night(
    settings: Settings,
    *,
    on: dt.date | None = None,
    as_of: dt.date | None = None,
    again: Sequence[dt.date] = (),
) -> NightOutcome:
    """Read what waits, check, run the models and publish, as the nightly schedule does.

    Args:
        settings: the environment.
        on: the night's day (today by default); later deliveries wait.
        as_of: instead of reading anything, rebuild the release from what was received up to
            this day.
        again: days to read again beside those that wait.

    Raises:
        SamplehouseError: another night is at work, a day cannot be one, or a run was stopped while
            it read days in that this night does not read.
    """
    look_for_garbage_seldom()
    progress.keep_stages_in(settings.stages_file)
    workplace = settings.workplace
    night = on or today()
    with night_lock(workplace.home), instance(workplace.home) as dagster:
        remove_abandoned(workplace.home.lake)
        waiting = pending_days(workplace.home, workplace.sources, night)
        days = () if as_of else tuple(readable_days(sorted({*waiting, *again})))
        _check_nothing_is_half_read(workplace, days, as_of)
        job = build_definitions(workplace.sources, workplace=workplace).resolve_job_def(
            "publish" if as_of else "nightly"
        )
        work = None if as_of else due(workplace, days, job)
        with _release_copied_ahead(workplace.home, work):
            result = job.execute_in_process(
                instance=dagster,
                partition_key=None if as_of else night_of(days, night).isoformat(),
                asset_selection=None if work is None else work.assets,
                run_config={
                    **night_config(days, as_of),
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
                raise_on_error=False,
            )
    strange = () if as_of else tuple(sorted({*waiting, *again} - set(days)))
    return _outcome(workplace, work, result, days, strange)


def _release_copied_ahead(home: Home, work: Due | None) -> AbstractContextManager[None]:
    if work is None or not work.makes_tables:
        return nullcontext()
    return copied_ahead(home, makers(code_version()))


def _check_nothing_is_half_read(
    workplace: Workplace, days: Sequence[dt.date], as_of: dt.date | None
) -> None:
    """Stop where a release would hold a part of what is to be read, or read again, first."""
    received = deliveries(workplace.home).filter(pl.col("status") == "received")
    older = older_days(workplace.home, workplace.sources)
    for waiting, why in (
        (set(received["received_on"].to_list()), "were being read in when a run was stopped"),
        (older, "are kept in the form of an older version"),
    ):
        left = sorted(day for day in waiting - {*days} if as_of is None or day <= as_of)
        if left:
            span = f"{left[0]}" if len(left) == 1 else f"{left[0]} to {left[-1]}"
            raise SamplehouseError(
                f"deliveries of {span} {why}, and a release would hold a part of them; run "
                "`samplehouse nightly` first, which reads them again"
            )


def _outcome(
    workplace: Workplace,
    work: Due | None,
    result: ExecuteInProcessResult,
    days: tuple[dt.date, ...],
    strange_days: tuple[dt.date, ...],
) -> NightOutcome:
    home = workplace.home
    known = deliveries(home)
    not_loaded = known.filter(pl.col("status").is_in(NOT_LOADED))
    of_the_night = pl.col("received_on").is_in(list(days))
    rows = known.filter(of_the_night)
    stopped = not_loaded.filter(of_the_night).select("source_id", "file_name", "status", "message")
    return NightOutcome(
        run_id=result.run_id,
        published=result.success,
        days=days,
        strange_days=strange_days,
        misplaced=tuple(misplaced(home)),
        wrong_sources=tuple(workplace.wrong_sources.values()),
        statuses=dict(rows.group_by("status").len().sort("status").rows()),
        stopped=tuple(StoppedDelivery(*row) for row in stopped.rows()),
        left_over=not_loaded.height - stopped.height,
        failed_checks=(*_failed_checks(result), *_known_failures(work)),
        errors=tuple(_errors(result)),
        release=read_release(home.release_file) if home.release_file.is_file() else None,
    )


def _failed_checks(result: ExecuteInProcessResult) -> Iterator[FailedCheck]:
    """Checks of tables; that incoming rows were turned away is no failure of the night."""
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed and evaluation.check_name != "incoming_rows":
            yield FailedCheck(
                table=".".join(evaluation.asset_key.path),
                rule=evaluation.check_name,
                blocking=evaluation.blocking is True
                and evaluation.severity == dg.AssetCheckSeverity.ERROR,
                description=evaluation.description or "",
            )


def _known_failures(work: Due | None) -> Iterator[FailedCheck]:
    """Checks of tables that the night left as they were, and that had not passed."""
    for known in () if work is None else work.known:
        if not known.passed:
            words = f"{known.outcome}: {known.observed}"
            yield FailedCheck(known.table_name, known.rule_id, known.blocking, words)


def _errors(result: ExecuteInProcessResult) -> Iterator[str]:
    for event in result.all_events:
        if not event.is_step_failure:
            continue
        failure = event.step_failure_data
        if failure.user_failure_data and failure.user_failure_data.description:
            yield f"{event.step_key}: {failure.user_failure_data.description}"
        elif failure.error and failure.error.cls_name != _CHECK_FAILED:
            cause = failure.error.cause or failure.error
            yield f"{event.step_key}: {cause.message.strip()}"


@contextmanager
def instance(home: Home) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance of a home, where the UI shows runs, partitions and checks."""
    prepare_instance(home)
    with night_instance(home) as opened:
        yield opened


def prepare_instance(home: Home) -> Path:
    """Make sure that the home has its `dagster.yaml`; returns what `DAGSTER_HOME` is to be."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    target = home.dagster / "dagster.yaml"
    if not target.is_file() or target.read_bytes() != INSTANCE_CONFIG.read_bytes():
        shutil.copyfile(INSTANCE_CONFIG, target)
    return home.dagster


@contextmanager
def night_lock(home: Home) -> Iterator[None]:
    """Only one night at a time works from the command line; the lock ends with the process.

    Raises:
        SamplehouseError: another one is at work.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    with (home.root / ".nightly.lock").open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise SamplehouseError(
                f"another night is at work (process {file.read().strip() or 'unknown'}); "
                "wait until it is done, then try again"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
