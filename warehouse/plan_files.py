"""Plans as they lie in files: a folder for each, with one `plan.yml` and four CSVs."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from warehouse.contract import read_yaml, validated
from warehouse.errors import ConfigurationError, SamplehouseError
from warehouse.plan import (
    Item,
    Mechanism,
    Milestone,
    Parameter,
    Plan,
    PlanHead,
    Target,
    item_id,
)
from warehouse.plans_folder import plans_folder

L = TypeVar("L", bound=Item)


def load_plan(folder: Path) -> Plan:
    """Read one plan; the folder's name is its `plan_id`.

    Raises:
        ConfigurationError: a file is missing or wrong; one line per mistake, with file and line.
    """
    head_file = folder / "plan.yml"
    if not head_file.is_file():
        raise ConfigurationError(f"{folder.name}: a plan has a plan.yml; there is none")
    data = read_yaml(head_file)
    if not isinstance(data, dict):
        raise ConfigurationError(f"{folder.name}/plan.yml: a plan is a mapping of keys")
    where = f"{folder.name}/plan.yml"
    head = validated(PlanHead, {"plan_id": folder.name, **data}, where)
    lines: dict[str, Mapping[int, Item]] = {
        "targets": _lines(folder / "targets.csv", Target),
        "milestones": _lines(folder / "milestones.csv", Milestone),
        "mechanisms": _lines(folder / "mechanisms.csv", Mechanism),
        "parameters": _lines(folder / "parameters.csv", Parameter),
    }
    _no_id_twice(folder, lines)
    parts = {name: tuple(numbered.values()) for name, numbered in lines.items()}
    return validated(Plan, {"head": head, **parts}, where)


def load_plans(folder: Path | None = None) -> Mapping[str, Plan]:
    """Every plan of a folder, by id; of the warehouse's own without one.

    Raises:
        ConfigurationError: a plan is wrong, or they are of several cities, or two of one year.
    """
    return _load_plans(plans_folder() if folder is None else folder)


@cache
def _load_plans(folder: Path) -> Mapping[str, Plan]:
    plans = [load_plan(path) for path in sorted(folder.iterdir()) if path.is_dir()]
    _one_city(folder, plans)
    for year, same in groupby(sorted(plans, key=_year), key=_year):
        names = [plan.plan_id for plan in same]
        if len(names) > 1:
            raise ConfigurationError(
                f"{folder}: {' and '.join(names)} are plans of one year, {year}; a year has one "
                "plan, so take the others out of the folder"
            )
    return {plan.plan_id: plan for plan in plans}


def _one_city(folder: Path, plans: Iterable[Plan]) -> None:
    """Records do not say whose plan they are for: all plans are of the city they tell of."""
    cities = {plan.plan_id: plan.head.city for plan in plans}
    if len({city.code for city in cities.values()}) > 1:
        told = ", ".join(f"{name} of {city.name.zh} {city.code}" for name, city in cities.items())
        raise ConfigurationError(
            f"{folder}: plans of several cities: {told}; a warehouse serves one city, so keep "
            "each city's plans in a folder of its own, name that folder in SAMPLEHOUSE_PLANS, and "
            "give each city a home of its own with SAMPLEHOUSE_HOME"
        )


def _year(plan: Plan) -> int:
    return plan.head.year


def chosen_plan(plan_id: str | None) -> Plan:
    """The plan of that id, or the only one there is.

    Raises:
        SamplehouseError: there is no such plan, or several and none is named.
    """
    plans = load_plans()
    known = ", ".join(sorted(plans)) or "none"
    if plan_id is None:
        if len(plans) != 1:
            raise SamplehouseError(f"say which plan is meant with --plan; known plans: {known}")
        return next(iter(plans.values()))
    if plan_id not in plans:
        raise SamplehouseError(f"there is no plan '{plan_id}'; known plans: {known}")
    return plans[plan_id]


def _lines(path: Path, model: type[L]) -> dict[int, L]:
    """The lines of a CSV as models, by the number of their line; blank cells are left out."""
    where = f"{path.parent.name}/{path.name}"
    if not path.is_file():
        raise ConfigurationError(
            f"{where}: there is no such file; it may hold no more than a header"
        )
    found: dict[int, L] = {}
    problems: list[str] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True, restkey="cells beyond the header")
        try:
            for row in reader:
                filled = {name: value for name, value in row.items() if value not in ("", None)}
                try:
                    found[reader.line_num] = model.model_validate(filled)
                except ValidationError as error:
                    problems += _told(f"{where}, line {reader.line_num}", error)
        except (csv.Error, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{where}, line {reader.line_num}: {error}") from error
    if problems:
        raise ConfigurationError("\n".join(problems))
    return found


def _told(where: str, error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"])
        yield f"{where}: {place + ': ' if place else ''}{problem['msg']}"


def _no_id_twice(folder: Path, parts: Mapping[str, Mapping[int, Item]]) -> None:
    """Targets and milestones are named in one list of the ledger, so their ids differ too."""
    seen: dict[tuple[str, str], str] = {}
    problems = []
    for name, lines in parts.items():
        for number, item in lines.items():
            place = f"{folder.name}/{name}.csv, line {number}"
            identity = item_id(item)
            family = "item" if isinstance(item, Target | Milestone) else name
            first = seen.setdefault((family, identity), place)
            if first != place:
                problems.append(f"{place}: '{identity}' stands in {first} already")
    if problems:
        raise ConfigurationError("\n".join(problems))
