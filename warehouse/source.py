"""Sources: how the files of one publisher are read, in one YAML each (`warehouse/sources`).

A source says how a file becomes a grid of cells (`format`), which of its sheets and rows hold
records (`tables`: header, reshaping), and what each column means (`records`: target table →
column map). Nothing here touches data; `assets/ingest` compiles it to Polars and DuckDB.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from warehouse.contract import Action, Expectation, Model, read_yaml, record_contracts, validated
from warehouse.errors import ConfigurationError
from warehouse.source_steps import Join, Names, Step, listed

SOURCES_DIR = Path(__file__).parent / "sources"

# What is understood of a result and its limit; a source gives the texts.
DERIVED_RESULT = (
    "qualifier",
    "value",
    "limit_comparator",
    "limit_low",
    "limit_high",
    "derived_verdict",
)

# What the pipeline gives every record: where it came from, its version, its order of appearance.
ASSIGNED = frozenset(
    {"source_id", "version", "delivery_id", "received_on", "source_sheet", "source_row"}
    | {"content_hash", "seq"}
)

# Records that are part of another: they share its version where both stand in the same rows.
PARENT = {"test_result": "sample", "inspection_finding": "site_inspection"}

FileKind = Literal["csv", "tsv", "xlsx", "xls", "ods", "json", "parquet"]
# Record tables, each parent before its children. Whatever goes through them takes them from here.
RecordTable = Literal[
    "sample",
    "test_result",
    "site_inspection",
    "inspection_finding",
    "acceptance",
    "project_roster",
    "firm",
    "credit_rating",
    "inspection_object",
    "periodic_inspection",
    "ledger_entry",
    "draw",
    "draw_object",
    "draw_inspector",
    "draw_assignment",
    "plant_assessment",
    "responsible_party",
    "case_event",
    "air_hour",
    "air_exception_day",
    "survey_response",
    "water_site",
    "water_measurement",
]
Parser = Literal["code"]


class Format(Model):
    """How bytes become cells."""

    kind: FileKind
    encodings: Names = Field(
        default=("utf-8",), description="tried in order; a file must decode whole with one of them"
    )
    delimiter: str | None = Field(default=None, max_length=1)
    records_path: str | None = Field(
        default=None, description="dotted path to the list in a JSON file"
    )
    stated_row: bool = Field(
        default=False,
        description="a row above those of a JSON file with what it states beside its list",
    )
    list_separator: str | None = Field(
        default=None,
        description="nested JSON lists of plain values become one text, joined with this",
    )
    labels_path: str | None = Field(
        default=None,
        description="dotted path to the list of labels, where the records of a JSON file are lists "
        "of cells; they become row 2, and what else the file states becomes row 1",
    )

    @property
    def separator(self) -> str:
        """The delimiter of a text table."""
        return self.delimiter or ("\t" if self.kind == "tsv" else ",")


class Header(Model):
    """Where the column names stand: a row number, a row to be found, or nowhere.

    Exactly one of `row` (1 unless said otherwise), `find` (labels that the header row holds, for
    files with titles above it) and `columns` (names for a file without a header).
    """

    row: int | None = Field(default=None, ge=1)
    find: Names = ()
    columns: Names = ()
    rows: int = Field(default=1, ge=1, le=3, description="merged header rows, joined top to bottom")

    @model_validator(mode="after")
    def _one_way(self) -> "Header":
        if sum((self.row is not None, bool(self.find), bool(self.columns))) > 1:
            message = "a header is given by one of row, find or columns"
            raise ValueError(message)
        return self


class ColumnMap(Model):
    """What a column of a record is made of.

    A bare string in YAML is short for ``{from: string}``. Parsing follows the target column's
    type unless `parse` says otherwise.
    """

    source: Names = Field(default=(), alias="from", description="first filled one counts")
    value: str | int | float | bool | None = Field(default=None, description="a constant")
    digest: Names = Field(default=(), description="columns whose content identifies the record")
    join: Annotated[tuple[Names, ...], BeforeValidator(listed)] = Field(
        default=(), description="columns joined with `separator`; of a list the first filled one"
    )
    separator: str = "-"
    pattern: str | None = Field(
        default=None, description="regular expression; its first group counts"
    )
    codes: dict[str, str] | str | None = Field(
        default=None, description="wording → code, or a code list whose names are understood"
    )
    default: str | int | float | bool | None = Field(default=None, description="where blank")
    parse: Parser | None = Field(
        default=None, description="`code`: lower case and half width, for wordings that drift"
    )
    year_from: str | None = Field(
        default=None,
        description="column with a day: a date without a year is the last such day up to it",
    )
    factor: str | None = Field(
        default=None,
        pattern=r"^[0-9]+(\.[0-9]+)?$",
        description="what delivered numbers are multiplied by, exactly, to be in the unit wanted",
    )
    date_order: Literal["ymd", "dmy", "mdy"] = "ymd"

    @model_validator(mode="after")
    def _one_origin(self) -> "ColumnMap":
        origins = (bool(self.source), self.value is not None, bool(self.digest), bool(self.join))
        if sum(origins) != 1:
            message = "a column comes from exactly one of from, value, digest or join"
            raise ValueError(message)
        return self


def _column_map(value: Any) -> Any:
    return {"from": value} if isinstance(value, str) else value


class RecordMap(Model):
    """How rows of a table become records of one contract."""

    when: dict[str, str] = Field(
        default_factory=dict,
        description="column → regular expression that it must match for the row to hold a record",
    )
    columns: dict[str, Annotated[ColumnMap, BeforeValidator(_column_map)]]
    rows: Literal["one", "many"] = Field(
        default="one", description="whether one record may stand on several rows"
    )
    on_conflict: Literal["reject", "last"] = Field(
        default="reject", description="two contents of one record in one file"
    )
    rules: tuple[Expectation, ...] = Field(
        default=(), description="row rules of this source beside those of the contract"
    )


class ControlTotal(Model):
    """Totals that the file states about its own detail rows."""

    column: str = Field(description="column with the sentence")
    pattern: str = Field(description="regular expression with groups `label` and `stated`")
    detail_sheet: str = Field(
        description="regular expression on this sheet's name; its first group is the stem"
    )
    detail_table: str = Field(description="table whose sheets hold the details")
    detail_stem: str = Field(
        description="regular expression on detail sheets' names; its first group is the stem"
    )
    record: RecordTable = "sample"
    sheet_pairs: dict[str, str] = Field(
        default_factory=dict, description="sheet → detail sheet, where stems differ"
    )


class Table(Model):
    """A part of a source's files that has one header and one meaning."""

    files: str | None = Field(default=None, description="regular expression on the file name")
    sheets: str | None = Field(default=None, description="regular expression on the sheet name")
    header: Header = Header(row=1)
    rename: dict[str, str] = Field(default_factory=dict, description="label as delivered → column")
    optional: Names = Field(default=(), description="columns that a file may lack")
    unused: Names = Field(
        default=(), description="columns that are knowingly not mapped; '*' = all"
    )
    reshape: tuple[Step, ...] = ()
    records: dict[RecordTable, RecordMap] = Field(default_factory=dict)
    lookup: Names = Field(default=(), description="key of a table that others only join")
    control_totals: ControlTotal | None = None
    stated_rows: str | None = Field(
        default=None,
        description="regular expression with a group `stated`: what a cell above the header says "
        "of how many data rows follow",
    )
    ignore_all: str | None = Field(default=None, description="reason why all its rows are left out")

    @model_validator(mode="after")
    def _has_a_purpose(self) -> "Table":
        purposes = (self.records, self.lookup, self.control_totals, self.ignore_all)
        if sum(map(bool, purposes)) != 1:
            message = "a table holds exactly one of records, lookup, control_totals or ignore_all"
            raise ValueError(message)
        return self


class Source(Model):
    """One publisher's files and what they mean."""

    source_id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    title_zh: str | None = None
    publisher: str
    licence: str
    citation: str
    notes: str | None = None
    format: Format
    missing: Names = Field(
        default=("", "/", "-", "—", "--", "不详", "N/A"), description="texts that mean no value"
    )
    hold_above: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="share of rejected data rows above which a delivery is held",
    )
    actions: dict[str, Action] = Field(
        default_factory=dict,
        description="rule → action, where this source differs from the contract",
    )
    tables: dict[str, Table] = Field(min_length=1)

    @model_validator(mode="after")
    def _targets_exist(self) -> "Source":
        contracts = record_contracts()
        problems = [
            f"tables.{table_name}.records.{target}: no column '{column}' in core.{target}"
            for table_name, table in self.tables.items()
            for target, record in table.records.items()
            for column in record.columns
            if column not in contracts[f"core.{target}"].column_names
        ]
        problems += [
            f"tables.{table_name}.records.{target}: the pipeline gives '{column}'; leave it out"
            for table_name, table in self.tables.items()
            for target, record in table.records.items()
            for column in record.columns
            if column in ASSIGNED
        ]
        problems += [
            f"{child} stands both beside {parent} and in tables of its own, so its versions would "
            "clash; make two sources of them"
            for child, parent in PARENT.items()
            if len({parent in t.records for t in self.tables.values() if child in t.records}) > 1
        ]
        problems += [
            f"tables.{table_name}.records.{target}: '{column}' is derived; map result_text or "
            "limit_text instead"
            for table_name, table in self.tables.items()
            for target in ("test_result", "water_measurement")
            if target in table.records
            for column in table.records[target].columns
            if column in DERIVED_RESULT
        ]
        joined = [
            step.action
            for table in self.tables.values()
            for step in table.reshape
            if isinstance(step.action, Join)
        ]
        problems += [
            f"a step joins '{step.table}', which is no lookup table of this source"
            for step in joined
            if isinstance(step, Join)
            and (step.table not in self.tables or not self.tables[step.table].lookup)
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self


def load_source(path: Path) -> Source:
    """Read one source YAML; its file name is its `source_id`."""
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path.name}: a source is a mapping of keys")
    source = validated(Source, {"source_id": path.stem, **data}, path.name)
    from warehouse.source_check import source_problems  # noqa: PLC0415 - it reads these models

    if problems := [f"{path.name}: {problem}" for problem in source_problems(source)]:
        raise ConfigurationError("\n".join(problems))
    return source


def read_sources(
    folders: Sequence[Path] = (SOURCES_DIR,),
) -> tuple[dict[str, Source], dict[str, str]]:
    """All sources of the folders that can be read, and what is wrong with the YAMLs of the others.

    Returns:
        Sources by id, and messages by the id that a YAML's name gives. A later folder may not
        repeat an id: the first YAML counts, right or wrong.
    """
    paths = [path for folder in folders for path in sorted(folder.glob("*.yml"))]
    sources: dict[str, Source] = {}
    wrong: dict[str, str] = {}
    for path in paths:
        name = path.stem
        if name in sources or name in wrong:
            again = f"{path}: a source named '{name}' exists already"
            wrong[name] = f"{wrong[name]}\n{again}" if name in wrong else again
            continue
        try:
            sources[name] = load_source(path)
        except ConfigurationError as error:
            wrong[name] = str(error)
    return sources, wrong


def load_sources(folders: Sequence[Path] = (SOURCES_DIR,)) -> dict[str, Source]:
    """All sources of the folders, by id.

    Raises:
        ConfigurationError: a YAML is wrong, or two files have one name; names all of them.
    """
    sources, wrong = read_sources(folders)
    if wrong:
        raise ConfigurationError("\n".join(wrong.values()))
    return sources


@cache
def record_tables() -> tuple[str, ...]:
    """Names of the record tables that a source may fill, each parent before its children."""
    return get_args(RecordTable)
