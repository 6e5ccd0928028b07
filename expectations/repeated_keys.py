"""Great Expectations' rule that several columns together are unique, counted by hashes first.

Its own groups all rows by the texts of the key and joins the whole table with what it finds. Keys
with different hashes are different, so only rows whose hash repeats are compared, and mostly none
does: a fifth of the time. A row with an empty column of the key repeats nothing, as before.
"""

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

from warehouse.sql import identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from great_expectations.expectations.expectation import Expectation
    from great_expectations.validator.validator import ValidationDependencies

# Says of each part of an expectation that it is declared a second time, which is meant.
_REGISTRY = logging.getLogger("great_expectations.expectations.registry")
_ROWS, _REPEATED = "table.row_count", "unexpected_rows_query.row_count"


def repeated_rows_query(columns: "Sequence[str]") -> str:
    """SELECT of the rows of ``{batch}`` whose key another row has, too."""
    key = ", ".join(map(identifier, columns))
    filled = " AND ".join(f"{identifier(name)} IS NOT NULL" for name in columns)
    return (
        f"SELECT * FROM (SELECT * FROM {{batch}} WHERE {filled} AND hash({key}) IN ("
        f"SELECT hash({key}) FROM {{batch}} WHERE {filled} GROUP BY ALL HAVING count(*) > 1"
        f")) AS alike QUALIFY count(*) OVER (PARTITION BY {key}) > 1"
    )


@cache
def repeated_keys() -> "type[Expectation]":
    """The expectation, under the name of Great Expectations' own."""
    import great_expectations.expectations as gxe  # noqa: PLC0415 - takes seconds
    from great_expectations.expectations.expectation import (  # noqa: PLC0415 - as above
        BatchExpectation,
    )
    from great_expectations.validator.metric_configuration import (  # noqa: PLC0415 - as above
        MetricConfiguration,
    )

    level = _REGISTRY.level
    _REGISTRY.setLevel(logging.ERROR)

    class ExpectCompoundColumnsToBeUnique(gxe.ExpectCompoundColumnsToBeUnique):  # type: ignore[misc] # untyped base
        def get_validation_dependencies(
            self, *given: object, **named: object
        ) -> "ValidationDependencies":
            found = BatchExpectation.get_validation_dependencies(self, *given, **named)
            query = {"unexpected_rows_query": repeated_rows_query(self.column_list)}
            for name, values in ((_ROWS, {}), (_REPEATED, query)):
                metric = MetricConfiguration(
                    metric_name=name, metric_domain_kwargs={}, metric_value_kwargs=values
                )
                found.set_metric_configuration(name, metric)
            return found

        def _validate(self, metrics: dict[str, Any], *_: object, **__: object) -> dict[str, Any]:
            rows, repeated = metrics[_ROWS], metrics[_REPEATED]
            result = {
                "element_count": rows,
                "unexpected_count": repeated,
                "unexpected_percent": 100 * repeated / rows if rows else 0.0,
                "missing_count": 0,
                "missing_percent": 0.0,
            }
            return {"success": repeated == 0, "result": result}

    _REGISTRY.setLevel(level)
    found: type[Expectation] = ExpectCompoundColumnsToBeUnique
    return found
