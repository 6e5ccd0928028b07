"""DuckDB for Great Expectations: an SQLAlchemy dialect on a connection that the caller owns.

Great Expectations (GX) speaks to databases through SQLAlchemy only. The dialect of duckdb-engine
does not serve it, for reasons that this module mends one by one:

* GX reads rows after it has given the connection back to the pool. duckdb-engine's cursors are
  all one connection, so the next statement wipes the rows: `_Cursor` keeps its own result.
* The pool ends every use with ROLLBACK, which on a borrowed connection would undo the caller's
  work. GX only reads, so beginning and ending transactions is left to the caller.
* Reflection asks PostgreSQL catalogues that DuckDB lacks: columns come from `duckdb_columns()`.
* GX writes regular expressions as PostgreSQL's `~`, a partial match; in DuckDB 1.x `~` matches
  the whole text. `_SqlCompiler` writes `regexp_matches`, which is partial in every version.

SQLAlchemy and duckdb-engine are imported when the first engine is made, not before: together
with GX they take seconds. The classes therefore live in `_dialect_class`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Dialect
    from sqlalchemy.engine.interfaces import ReflectedColumn, ReflectedPrimaryKeyConstraint
    from sqlalchemy.types import TypeEngine

URL = "duckdb+borrowed://"

_COLUMNS_SQL = """
    SELECT column_name, data_type, is_nullable
    FROM duckdb_columns()
    WHERE table_name = $1
      AND ((database_name = 'temp' AND $2 IS NULL)
           OR (database_name = current_database()
               AND schema_name = coalesce($2, current_schema())))
    -- a temporary table hides a stored one of the same name
    QUALIFY dense_rank() OVER (ORDER BY database_name = 'temp' DESC) = 1
    ORDER BY column_index
"""
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


class _Cursor:
    """A DB-API cursor whose result outlives other statements on the same connection.

    All rows are fetched at once: rules are counted, so that there are few of them.
    """

    arraysize = 1
    rowcount = -1

    def __init__(self, con: duckdb.DuckDBPyConnection, connection: "_BorrowedConnection") -> None:
        self._con = con
        self.connection = connection
        self._rows: list[Any] = []
        self.description: Sequence[Any] | None = None

    def execute(self, statement: str, parameters: Sequence[Any] | None = None) -> None:
        """Run one statement; an error of DuckDB passes through."""
        self._rows, self.description = [], None
        result = self._con.execute(statement, list(parameters or ()))
        self.description = result.description
        self._rows = result.fetchall() if self.description else []

    def fetchone(self) -> Any:
        """The next row, or None."""
        rows = self.fetchmany(1)
        return rows[0] if rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Up to `size` further rows."""
        count = size or self.arraysize
        taken, self._rows = self._rows[:count], self._rows[count:]
        return taken

    def fetchall(self) -> list[Any]:
        """All further rows."""
        taken, self._rows = self._rows, []
        return taken

    def close(self) -> None:
        """Let the result go."""
        self._rows = []


class _BorrowedConnection:
    """A DB-API connection that neither closes nor ends transactions: its caller does."""

    notices: tuple[str, ...] = ()

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def cursor(self) -> _Cursor:
        """A cursor with a result of its own."""
        return _Cursor(self._con, self)

    def begin(self) -> None:
        """Left to the caller."""

    def commit(self) -> None:
        """Left to the caller."""

    def rollback(self) -> None:
        """Left to the caller."""

    def close(self) -> None:
        """Left to the caller."""


def engine_arguments(connection: Callable[[], duckdb.DuckDBPyConnection]) -> dict[str, Any]:
    """Arguments of `sqlalchemy.create_engine` beside `URL`, for connections of the caller.

    Args:
        connection: gives the DuckDB connection to use, asked each time SQLAlchemy wants one.
    """
    from sqlalchemy.pool import NullPool  # noqa: PLC0415 - slow to import

    register()
    return {"creator": lambda: _BorrowedConnection(connection()), "poolclass": NullPool}


@cache
def register() -> None:
    """Make the dialect known to SQLAlchemy under `URL`; once per process."""
    from sqlalchemy.dialects import registry  # noqa: PLC0415 - slow to import

    # `registry.register` takes a module's attribute only; its table of loaders takes any callable.
    registry.impls["duckdb.borrowed"] = _dialect_class


def _column_type(name: str) -> "TypeEngine[Any]":
    """SQLAlchemy's type for a DuckDB type name; NullType for nested and unknown ones."""
    import sqlalchemy as sa  # noqa: PLC0415 - slow to import

    if decimal := _DECIMAL.fullmatch(name):
        return sa.DECIMAL(int(decimal[1]), int(decimal[2]))
    simple: Mapping[str, TypeEngine[Any]] = {
        "BIGINT": sa.BIGINT(),
        "BLOB": sa.BLOB(),
        "BOOLEAN": sa.BOOLEAN(),
        "DATE": sa.DATE(),
        "DOUBLE": sa.DOUBLE(),
        "FLOAT": sa.FLOAT(),
        "HUGEINT": sa.NUMERIC(38, 0),
        "INTEGER": sa.INTEGER(),
        "SMALLINT": sa.SMALLINT(),
        "TIME": sa.TIME(),
        "TIMESTAMP": sa.TIMESTAMP(),
        "TIMESTAMP WITH TIME ZONE": sa.TIMESTAMP(timezone=True),
        "TINYINT": sa.SMALLINT(),
        "UBIGINT": sa.NUMERIC(20, 0),
        "UINTEGER": sa.BIGINT(),
        "UUID": sa.UUID(),
        "VARCHAR": sa.VARCHAR(),
    }
    return simple.get(name, sa.types.NullType())


@cache
def _dialect_class() -> "type[Dialect]":
    import duckdb_engine  # noqa: PLC0415 - slow to import
    from sqlalchemy.exc import NoSuchTableError  # noqa: PLC0415 - slow to import

    class SqlCompiler(duckdb_engine.Dialect.statement_compiler):  # type: ignore[misc] # untyped base
        def visit_custom_op_binary(self, element: Any, operator: Any, **kw: Any) -> str:
            if operator.opstring not in ("~", "!~"):
                return str(super().visit_custom_op_binary(element, operator, **kw))
            text, pattern = (self.process(side, **kw) for side in (element.left, element.right))
            matches = f"regexp_matches({text}, {pattern})"
            return matches if operator.opstring == "~" else f"NOT {matches}"

    class BorrowedDialect(duckdb_engine.Dialect):  # type: ignore[misc] # untyped base
        driver = "borrowed"
        statement_compiler = SqlCompiler
        supports_statement_cache = True

        def do_begin(self, dbapi_connection: Any) -> None:
            """Transactions belong to the caller."""

        def initialize(self, connection: "Connection") -> None:
            """Nothing to find out: the parent class would ask PostgreSQL for its version."""

        def get_columns(
            self,
            connection: "Connection",
            table_name: str,
            schema: str | None = None,
            **_: object,
        ) -> "list[ReflectedColumn]":
            names = (str(table_name), str(schema) if schema else None)
            rows = connection.exec_driver_sql(_COLUMNS_SQL, names).fetchall()
            if not rows:
                raise NoSuchTableError(table_name)
            return [
                {"name": name, "type": _column_type(kind), "nullable": nullable, "default": None}
                for name, kind, nullable in rows
            ]

        def get_pk_constraint(self, *_: object, **__: object) -> "ReflectedPrimaryKeyConstraint":
            """None: tables here are views and Parquet, whose keys the contract states."""
            return {"name": None, "constrained_columns": []}

        def has_table(
            self,
            connection: "Connection",
            table_name: str,
            schema: str | None = None,
            **_: object,
        ) -> bool:
            names = (str(table_name), str(schema) if schema else None)
            return connection.exec_driver_sql(_COLUMNS_SQL, names).fetchone() is not None

    return BorrowedDialect
