"""Views: models of which no row is stored; who reads one computes its rows from what it reads.

A model says so by `materialized: view` in its YAML. A connection has a view on top of the tables
that it reads, whatever rows of them these are: of touched samples, or of whole results as they
once stood, its rows are those of the same samples (`engine.since`, `engine.sums`). In a release it
is a view of the file.
"""

from warehouse.engine.model import SqlModel, load_models
from warehouse.home import Home


def view(table: str) -> SqlModel | None:
    """The model of a view; None for what is stored."""
    model = load_models().get(table)
    return model if model is not None and model.contract.is_view else None


def views_of(model: SqlModel) -> list[SqlModel]:
    """The views that a model reads."""
    return [found for table in sorted(model.depends_on) if (found := view(table)) is not None]


def inputs(model: SqlModel) -> frozenset[str]:
    """Tables that a model reads; instead of views, what these read."""
    views = views_of(model)
    tables = model.depends_on - {each.table for each in views}
    return tables.union(*(each.depends_on for each in views))


def stored(table: str) -> list[str]:
    """Results in which the rows of a result lie: its own, or those that a view reads."""
    found = view(table)
    if found is None:
        return [table]
    return sorted(name for name in found.depends_on if not name.startswith("ref."))


def remove_stored(home: Home, table: str) -> None:
    """Remove the result of what has become a view: it could be read for what is."""
    whole = home.model_file(table)
    for path in whole.parent.glob(f"{whole.name}*"):
        path.unlink(missing_ok=True)
