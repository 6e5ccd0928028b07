"""Great Expectations' rule on a query of unexpected rows, which counts them and fetches none.

Its own runs the query twice: once for rows to show, once to count them. Rows to show come from
elsewhere here (`runner`), with their keys, and only where there are some.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

_COUNT = "unexpected_rows_query.row_count"


@cache
def counted_rows() -> "type[Expectation]":
    """The expectation; Great Expectations knows it, under its own name, once this was called."""
    import great_expectations.expectations as gxe  # noqa: PLC0415 - takes seconds

    class UnexpectedRowsCount(gxe.UnexpectedRowsExpectation):  # type: ignore[misc] # untyped base
        metric_dependencies: ClassVar[tuple[str, ...]] = (_COUNT,)

        def _validate(self, metrics: dict[str, Any], *_: object, **__: object) -> dict[str, Any]:
            count = metrics[_COUNT]
            return {"success": count == 0, "result": {"observed_value": count}}

    found: type[Expectation] = UnexpectedRowsCount
    return found
