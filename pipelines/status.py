"""What the lake says about deliveries and checks, without Dagster."""

from dataclasses import dataclass
from typing import NamedTuple

from warehouse.connection import connect
from warehouse.home import INCOMING_SCOPE, Home


@dataclass(frozen=True)
class DeliveryStatus:
    """Deliveries by source and status, those that were not loaded, and the last release.

    `counts` holds source, status, files, last day; `problems` source, file, status, message.
    """

    counts: list[tuple[str, str, int, str]]
    problems: list[tuple[str, str, str, str]]
    release: str | None


def delivery_status(home: Home) -> DeliveryStatus:
    """Read `meta.delivery` and the published release."""
    files = home.partition_files("meta.delivery")
    release = _published(home)
    if not files:
        return DeliveryStatus([], [], release)
    with connect() as con:
        con.read_parquet([str(path) for path in files], hive_partitioning=False).create_view(
            "delivery"
        )
        counts = con.execute(
            "SELECT source_id, status, count(*), strftime(max(received_on), '%Y-%m-%d') "
            "FROM delivery GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        problems = con.execute(
            "SELECT source_id, file_name, status, message FROM delivery "
            # No parameter: DuckDB loads pandas for one, which takes as long as all the rest.
            "WHERE status IN ('held', 'unreadable', 'unknown_source') "
            "ORDER BY received_on, source_id, sequence"
        ).fetchall()
    return DeliveryStatus(counts, problems, release)


def _published(home: Home) -> str | None:
    if not home.release_file.is_file():
        return None
    from warehouse.release_store import read_release  # noqa: PLC0415 - only where there is one

    release = read_release(home.release_file)
    until = f"as of {release.as_of}" if release.as_of else "everything received"
    return f"{release.release_id}, {until}, {release.inputs} deliveries, {home.release_file}"


class CheckLine(NamedTuple):
    """One line of `samplehouse check`."""

    scope: str
    table: str
    rule: str
    outcome: str
    action: str
    failed: int | None
    checked: int | None
    observed: str

    @property
    def of_table(self) -> bool:
        """Whether a table was checked, not rows that had just come in."""
        return not self.scope.startswith(f"{INCOMING_SCOPE}/")


def check_results(home: Home) -> list[CheckLine]:
    """The last outcome of every check: errors, then blocking failures, then warnings."""
    files = sorted((home.lake / "check_result").glob("**/*.parquet"))
    if not files:
        return []
    with connect() as con:
        con.read_parquet([str(path) for path in files], hive_partitioning=False).create_view(
            "check_result"
        )
        rows = con.execute(
            """
            SELECT scope, table_name, rule_id, outcome, action, rows_failed, rows_checked, observed
            FROM check_result
            ORDER BY
                CASE outcome WHEN 'error' THEN 0 WHEN 'failed' THEN 1 ELSE 2 END,
                CASE action WHEN 'block' THEN 0 WHEN 'warn' THEN 1 ELSE 2 END,
                scope, table_name, rule_id
            """
        ).fetchall()
    return [CheckLine(*row) for row in rows]
