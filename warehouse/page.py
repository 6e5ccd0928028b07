"""Pages of the documentation that are written from definitions, and checked to be current."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from warehouse.errors import SamplehouseError


def write_or_check(
    page: Path, render: Callable[[], str], target: str, arguments: Sequence[str] | None
) -> int:
    """Write a page, or with `--check` say whether it is current; returns the exit code.

    Args:
        page: the file of `docs`.
        render: makes its text.
        target: of make, which writes the page.
        arguments: of the command line; None takes those of the process.
    """
    parser = argparse.ArgumentParser(description=f"docs/{page.name}")
    parser.add_argument("--check", action="store_true", help="only say whether the page is current")
    options = parser.parse_args(arguments)
    try:
        text = render()
    except SamplehouseError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.check:
        if page.is_file() and page.read_text("utf-8") == text:
            return 0
        sys.stderr.write(f"docs/{page.name} is not current; run: make {target}\n")
        return 1
    page.parent.mkdir(exist_ok=True)
    page.write_text(text, "utf-8")
    return 0
