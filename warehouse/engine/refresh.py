"""Bringing the result of a SQL model up to date, by the least work that gives all of it."""

import datetime as dt

import duckdb

from warehouse.engine.firms import refresh_firms
from warehouse.engine.model import SqlModel
from warehouse.engine.run import ModelRun, attach_dependencies, run_model
from warehouse.engine.since import (
    attach_touched,
    keep_since,
    keep_whole,
    new_file,
    touched_samples,
)
from warehouse.engine.stood import write_stood
from warehouse.engine.sums import add_up
from warehouse.home import Home


def refresh_model(
    con: duckdb.DuckDBPyConnection, model: SqlModel, home: Home, as_of: dt.date | None = None
) -> ModelRun:
    """Bring the result of a model up to date: by what deliveries touched where it can, else whole.

    Args:
        con: a connection with nothing attached yet, for this model alone.
        model: the model.
        home: where the lake lies.
        as_of: only deliveries received up to this day are seen; all of them without it.

    Raises:
        ConfigurationError: DuckDB refuses the SQL or a value; names the model's file.
        SamplehouseError: the model reads another one that has not been built.
        ValueError: the model is a view, of which nothing is kept.
    """
    if model.contract.is_view:
        message = f"{model.table} is a view: there is nothing to keep up to date"
        raise ValueError(message)
    if model.adds_up is not None:
        return add_up(con, model, home, as_of)
    if model.by_firm is not None and (of_firms := refresh_firms(con, model, home, as_of)):
        return of_firms
    touched = touched_samples(con, home, model, as_of) if model.by_sample else None
    if touched is None:
        attach_dependencies(con, model, home, as_of)
        done = run_model(con, model, home)
        keep_whole(home, model, as_of)
        return done
    attach_touched(con, home, model, touched, as_of)
    attach_dependencies(con, model, home, as_of)
    rows = new_file(home, model.table, "since")
    done = run_model(con, model, home, rows)
    stood = write_stood(con, home, model, touched)
    keep_since(home, model, touched, rows, stood, as_of)
    return done
