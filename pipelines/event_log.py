"""Dagster's event log for the length of one night: the same SQLite files, opened once.

Dagster opens and closes a database for every event. A night writes hundreds, and closing a database
waits for the disk. What is written is what the UI reads; only the connections live longer, and what
is asked for every check of a table is asked once.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from threading import RLock
from typing import Any

from dagster import (
    AssetKey,
    AssetRecordsFilter,
    DagsterEventType,
    DagsterInstance,
    EventLogEntry,
    EventRecordsResult,
)
from dagster._core.instance.ref import InstanceRef  # the way to give an instance other storage
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from warehouse.home import Home

BUSY_SECONDS = 60
EVENTS_AT_ONCE = 1000
_OF_CHECKS = frozenset(
    {DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED, DagsterEventType.ASSET_CHECK_EVALUATION}
)
# What a step tells of each check.
_OF_ONE_STEP = frozenset({DagsterEventType.STEP_OUTPUT, DagsterEventType.ASSET_CHECK_EVALUATION})


class NightEventLog(SqliteEventLogStorage):
    """`SqliteEventLogStorage` that keeps the databases which it has written open."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._lock = RLock()
        self._open: dict[str, Engine] = {}
        self._in_use: dict[str, Connection] = {}
        self._asked: tuple[object, ...] | None = None
        self._answer: EventRecordsResult | None = None
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "NightEventLog":
        """As Dagster makes its storages from configuration."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._lock:
            if shard in self._in_use:
                yield self._in_use[shard]
                return
            engine = self._open.get(shard) or self._opened(shard)
            with engine.connect() as connection, connection.begin():
                self._in_use[shard] = connection
                try:
                    yield connection
                finally:
                    del self._in_use[shard]

    def _opened(self, shard: str) -> Engine:
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=StaticPool,
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        )
        event.listen(engine, "connect", _without_waiting)
        self._initdb(engine)
        self._open[shard] = engine
        return engine

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event; what that of a check changes in the index is one transaction, not two."""
        if event.dagster_event_type not in _OF_ONE_STEP:
            self._asked = None
        whole = self.index_connection() if event.dagster_event_type in _OF_CHECKS else nullcontext()
        with whole:
            super().store_event(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events that come together, such as all that a run plans, in one transaction."""
        with ExitStack() as whole:
            for shard in sorted({event.run_id for event in events}):
                whole.enter_context(self._connect(shard))
            whole.enter_context(self.index_connection())
            super().store_event_batch(events)

    def fetch_materializations(
        self,
        records_filter: AssetKey | AssetRecordsFilter,
        limit: int,
        cursor: str | None = None,
        ascending: bool = False,  # noqa: FBT001, FBT002 - as in the base
    ) -> EventRecordsResult:
        """When an asset was made; Dagster asks for every check, of which a table has a dozen.

        The checks of a table are told one after another, when all of them are done: as long as
        nothing else is, the answer is what it was for the first of them.
        """
        asked = (records_filter, limit, cursor, ascending)
        if self._answer is None or asked != self._asked:
            self._answer = super().fetch_materializations(*asked)
            self._asked = asked
        return self._answer

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table; Dagster asks with every check, and none goes away."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def dispose(self) -> None:
        """Close the databases."""
        for engine in self._open.values():
            engine.dispose()
        self._open.clear()
        super().dispose()


def _without_waiting(connection: sqlite3.Connection, _record: object) -> None:
    """In WAL mode a database stays whole without a flush for every commit."""
    connection.execute("PRAGMA synchronous = NORMAL")


@contextmanager
def night_instance(home: Home) -> Iterator[DagsterInstance]:
    """The Dagster instance of a home, with a `NightEventLog`."""
    # How Dagster is told to store events together where it has several of them at once.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", f"{EVENTS_AT_ONCE}")
    log = {
        "module": NightEventLog.__module__,
        "class": NightEventLog.__name__,
        "config": {"base_dir": str(home.dagster / "history" / "runs")},
    }
    reference = InstanceRef.from_dir(str(home.dagster), overrides={"event_log_storage": log})
    with DagsterInstance.from_ref(reference) as opened:
        yield opened
