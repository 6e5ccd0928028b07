"""Dagster's event log for the length of one night: the same SQLite files, opened once.

Dagster opens and closes a database for every event. A night writes hundreds, and closing a database
waits for the disk. What is written is what the UI reads; only the connections live longer.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef  # the way to give an instance other storage
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from warehouse.home import Home

BUSY_SECONDS = 60


class NightEventLog(SqliteEventLogStorage):
    """`SqliteEventLogStorage` that keeps the databases which it has written open."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._open: dict[str, Engine] = {}
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "NightEventLog":
        """As Dagster makes its storages from configuration."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._open.get(shard) or self._opened(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

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
    log = {
        "module": NightEventLog.__module__,
        "class": NightEventLog.__name__,
        "config": {"base_dir": str(home.dagster / "history" / "runs")},
    }
    reference = InstanceRef.from_dir(str(home.dagster), overrides={"event_log_storage": log})
    with DagsterInstance.from_ref(reference) as opened:
        yield opened
