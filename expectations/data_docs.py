"""Data Docs that open without a network.

The pages are Great Expectations' own, rendered from its validation results. They would fetch
styles and scripts from content delivery networks and be bare without; here those references are
taken out and one local style sheet is put in. The index of Great Expectations is filled by such a
script, so the index is written here.
"""

import datetime as dt
import html
import re
import shutil
from collections.abc import Iterable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expectations.counted_rows import counted_rows
from expectations.results import ValidationRun

if TYPE_CHECKING:
    from great_expectations.render.view import DefaultJinjaPageView

STYLE_SHEET = "data_docs.css"
_REMOTE = re.compile(r"^(https?:)?//")
_REMOTE_URL = re.compile(r"url\(\s*['\"]?https?:[^)]*\)")

Attributes = list[tuple[str, str | None]]


def build_data_docs(runs: Iterable[ValidationRun], folder: Path) -> Path:
    """Write the pages of all runs and an index; what the folder held before is replaced.

    Args:
        runs: one per scope and table. A run whose checks could not start has no page of its own;
            the index states its errors.
        folder: where to write; its parent must be writable, for the pages are built beside it.

    Returns:
        Path of the index page.
    """
    ordered = sorted(runs, key=lambda run: (run.scope, run.table_name))
    aside = folder.with_name(f"{folder.name}.building")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    names = _page_names(ordered)
    for run, name in zip(ordered, names, strict=True):
        if run.validation is not None:
            (aside / name).write_text(_page(run), "utf-8")
    (aside / "index.html").write_text(_index(ordered, names), "utf-8")
    shutil.copy(Path(__file__).with_name(STYLE_SHEET), aside / STYLE_SHEET)
    if folder.exists():
        shutil.rmtree(folder)
    aside.rename(folder)
    return folder / "index.html"


def _page_names(runs: list[ValidationRun]) -> list[str]:
    """A file name for each run, readable and different from all others."""
    stems = [re.sub(r"[^\w.-]+", "_", f"{run.scope}.{run.table_name}") for run in runs]
    return [
        f"{stem}.html" if stems.count(stem) == 1 else f"{stem}.{number}.html"
        for number, stem in enumerate(stems)
    ]


def _page(run: ValidationRun) -> str:
    """One validation result as Great Expectations renders it, made to stand alone."""
    from great_expectations.core.expectation_validation_result import (  # noqa: PLC0415 - slow
        expectationSuiteValidationResultSchema,
    )
    from great_expectations.core.run_identifier import RunIdentifier  # noqa: PLC0415 - slow
    from great_expectations.render.renderer import (  # noqa: PLC0415 - slow
        ValidationResultsPageRenderer,
    )

    counted_rows()  # so that it is known when results name it
    result: Any = expectationSuiteValidationResultSchema.load(run.validation)
    loaded = result.meta["batch_markers"]["ge_load_time"]
    run_time = dt.datetime.strptime(loaded, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=dt.UTC)
    result.meta["run_id"] = RunIdentifier(run_name=run.scope, run_time=run_time)
    document = ValidationResultsPageRenderer().render(result)
    return stand_alone(_view().render(document))


@cache
def _view() -> "DefaultJinjaPageView":
    """One view for all pages: it compiles its templates once, which takes longer than a page."""
    from great_expectations.render.view import DefaultJinjaPageView  # noqa: PLC0415 - slow

    return DefaultJinjaPageView()


def stand_alone(page: str) -> str:
    """A page of Data Docs without scripts and without anything from the network."""
    parser = _Filter()
    parser.feed(page)
    parser.close()
    return "".join(parser.kept)


class _Filter(HTMLParser):
    """Copies HTML, leaving out what needs a network or a script."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.kept: list[str] = []
        self._skipped = ""  # tag of the element being left out
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        if self._skipped:
            self._depth += tag == self._skipped
            return
        values = dict(attrs)
        if tag in ("link", "img", "input"):
            if not _is_remote(values.get("href") or values.get("src")) and tag == "img":
                self.kept.append(_written(tag, attrs))
            return  # link: all style sheets and icons give way to the one below
        if tag in ("script", "footer") or _needs_script(tag, values):
            self._skipped, self._depth = tag, 1
            return
        self.kept.append(_written(tag, attrs))

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            self._depth -= tag == self._skipped
            if not self._depth:
                self._skipped = ""
            return
        if tag == "head":
            self.kept.append(f'<link rel="stylesheet" href="{STYLE_SHEET}">\n')
        self.kept.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.kept.append(_REMOTE_URL.sub("none", data))

    def handle_entityref(self, name: str) -> None:
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.handle_data(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        self.kept.append(f"<!{decl}>")


def _is_remote(address: str | None) -> bool:
    return bool(address and _REMOTE.match(address))


def _needs_script(tag: str, values: dict[str, str | None]) -> bool:
    """Whether an element is a control that only a script answers to."""
    classes = (values.get("class") or "").split()
    return ("card" in classes and "mb-3" in classes) or tag == "button" or "modal" in classes


def _written(tag: str, attrs: Attributes) -> str:
    """A start tag; links go to the index, to the page itself, or nowhere."""
    words = [tag]
    for name, value in attrs:
        if name.startswith("on"):
            continue
        if name == "href":
            target = _local_target(value or "")
            if target:
                words.append(f'href="{html.escape(target)}"')
            continue
        kept = _REMOTE_URL.sub("none", value or "")
        words.append(name if value is None else f'{name}="{html.escape(kept)}"')
    return f"<{' '.join(words)}>"


def _local_target(address: str) -> str:
    """Where a link of a page leads here; empty for pages that are not written."""
    if address.endswith("../index.html"):
        return "index.html"
    return address if address.startswith("#") else ""


def _index(runs: list[ValidationRun], names: list[str]) -> str:
    rows = [_index_row(run, name) for run, name in zip(runs, names, strict=True)]
    body = "\n".join(rows) or '<tr><td colspan="6">No checks have run.</td></tr>'
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1.0">
<title>Data Docs</title>
<link rel="stylesheet" href="{STYLE_SHEET}">
</head>
<body>
<h1>Data Docs</h1>
<p>What was checked, and what was found. The pages are made by Great Expectations.</p>
<table>
<thead><tr><th>Scope</th><th>Table</th><th>Passed</th><th>Failed</th><th>Not run</th>
<th>Rules that did not pass</th></tr></thead>
<tbody>
{body}
</tbody>
</table>
</body>
</html>
"""


def _index_row(run: ValidationRun, name: str) -> str:
    counts = [
        sum(result.outcome == outcome for result in run.results)
        for outcome in ("passed", "failed", "error")
    ]
    cells = [
        f'<td class="number {outcome if count else ""}">{count}</td>'
        for outcome, count in zip(("passed", "failed", "error"), counts, strict=True)
    ]
    table = html.escape(run.table_name)
    link = table if run.validation is None else f'<a href="{html.escape(name)}">{table}</a>'
    wrong = "<br>".join(
        f'<span class="{result.outcome}">{html.escape(result.rule_id)}</span>: '
        f"{html.escape(result.observed)}"
        for result in run.results
        if not result.passed
    )
    return (
        f"<tr><td>{html.escape(run.scope)}</td><td>{link}</td>{''.join(cells)}<td>{wrong}</td></tr>"
    )
