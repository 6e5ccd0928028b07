"""Table macros of the release: what an analyst can ask of it in one call.

Each file of `warehouse/macros` is one macro of the schema `mart`, named after the file: a comment,
whose last line is the list of parameters, and a SELECT. Columns are written with their table, since
a bare name may be a parameter.
"""

from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

from warehouse.errors import ConfigurationError
from warehouse.sql import identifier, literal

MACROS_DIR = Path(__file__).parent / "macros"
SCHEMA = "mart"


@cache
def macro_statements(begins: str = "") -> tuple[str, ...]:
    """Statements that create every macro whose name begins so, and its comment.

    Raises:
        ConfigurationError: a file does not say what its parameters are.
    """
    paths = {path.stem: path for path in sorted(MACROS_DIR.glob(f"{begins}*.sql"))}
    calls = {
        name: [other for other in paths if f"{SCHEMA}.{other}(" in path.read_text("utf-8")]
        for name, path in paths.items()
    }
    # DuckDB looks a macro up when another that calls it is created.
    order = TopologicalSorter(calls).static_order()
    return tuple(statement for name in order for statement in _statements(paths[name]))


def _statements(path: Path) -> tuple[str, str]:
    lines = path.read_text("utf-8").splitlines()
    size = next(n for n, line in enumerate(lines) if not line.startswith("--"))
    comment = [line.removeprefix("--").strip() for line in lines[:size]]
    if not comment or not comment[-1].startswith("("):
        raise ConfigurationError(f"macros/{path.name}: the last line above the SELECT is (…)")
    name = f"{SCHEMA}.{identifier(path.stem)}"
    select = "\n".join(lines[size:])
    words = " ".join([*comment[:-1], "Parameters: " + comment[-1].strip("()") + "."])
    return (
        f"CREATE OR REPLACE MACRO {name}{comment[-1]} AS TABLE\n{select}",
        f"COMMENT ON MACRO TABLE {name} IS {literal(words)}",
    )
