"""The demo's survey of satisfaction: towns, communities, respondents, and the score they give."""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from assets.demo.lists import demo_list
from assets.demo.rosters import write_lists
from warehouse.instrument import Instrument, load_instruments

SOURCE_ID = "satisfaction_survey"
INSTRUMENT = "service_satisfaction_1"
WAVE = "2024"
_COMMUNITIES, _DRAWN, _PEOPLE = 30, 6, 8
_UNKNOWN, _CORRECTED = 0.03, 0.01
# How often the answers 5, 4, 3, 2, 1 are given.
_ANSWERS = (0.66, 0.27, 0.05, 0.015, 0.005)
_FIRST_DAY = dt.date(2024, 9, 23)


@dataclass(frozen=True)
class SurveyTruth:
    """What must come of the survey.

    Attributes:
        scores: survey_domain (all for the whole), score, respondents.
        deliveries: rows of `truth.Truth.deliveries`.
    """

    scores: pl.DataFrame
    deliveries: pl.DataFrame

    def write(self, path: Path) -> None:
        """Write the truth as JSON in UTF-8."""
        dates = pl.selectors.date().dt.strftime("%Y-%m-%d")
        tables = {"scores": self.scores, "deliveries": self.deliveries}
        records = {name: table.with_columns(dates).to_dicts() for name, table in tables.items()}
        path.write_text(json.dumps(records, ensure_ascii=False, indent=1) + "\n", "utf-8")


def write_survey(landing: Path, seed: int) -> SurveyTruth:
    """Write the answers of the year's wave, and a correction of some, to `landing`."""
    rng = np.random.default_rng([seed, 64])
    instrument = load_instruments()[INSTRUMENT]
    questions = [name for domain in instrument.domains for name in domain.questions]
    people = _people(rng)
    given = np.array([5, 4, 3, 2, 1, 9])
    odds = np.array([*_ANSWERS, 0]) * (1 - _UNKNOWN)
    odds[-1] = _UNKNOWN
    answers = given[
        np.searchsorted(np.cumsum(odds), rng.random((people.height, len(questions))), side="right")
    ]
    wrong = rng.random(people.height) < _CORRECTED
    first = answers.copy()
    first[wrong, 0] = np.where(answers[wrong, 0] == 5, 1, 5)  # noqa: PLR2004 - another answer
    lines = pl.concat(
        [
            _lines(people, first, questions, delivery=0),
            _lines(people, answers, questions, delivery=1).filter(pl.Series(wrong)),
        ]
    )
    return SurveyTruth(
        _scores(people, answers, instrument),
        write_lists(landing, SOURCE_ID, "义乌市2024年服务质量满意度调查", {"答卷": lines}),
    )


def _people(rng: np.random.Generator) -> pl.DataFrame:
    """Respondents of six communities in each town; a bigger town's stand for more people."""
    towns = demo_list("divisions").select("code9", "name_zh")
    size = towns.with_columns(weight=pl.Series(rng.integers(40, 160, towns.height)))
    drawn = pl.DataFrame({"community": range(1, _DRAWN + 1)})
    people = size.join(drawn, how="cross").join(
        pl.DataFrame({"person": range(1, _PEOPLE + 1)}), how="cross"
    )
    return people.with_columns(
        number=pl.int_range(1, pl.len() + 1),
        day=pl.lit(_FIRST_DAY)
        + pl.duration(days=pl.lit(pl.Series(rng.integers(0, 40, people.height)))),
    )


def _lines(
    people: pl.DataFrame, answers: np.ndarray, questions: list[str], delivery: int
) -> pl.DataFrame:
    return people.select(
        delivery=pl.lit(delivery, pl.Int64),
        place=pl.lit("used"),
        样本编号=pl.col("number").cast(pl.String).str.zfill(5),
        问卷=pl.lit(INSTRUMENT),
        期次=pl.lit(WAVE),
        调查日期=pl.col("day").dt.strftime("%Y-%m-%d"),
        层="name_zh",
        社区=pl.format("{}第{}社区", "name_zh", "community"),
        层内社区数=pl.lit(str(_COMMUNITIES)),
        社区人数=(pl.col("weight") * _PEOPLE * _DRAWN // _COMMUNITIES).cast(pl.String),
        权重=pl.col("weight").cast(pl.String),
        行政区划代码="code9",
        **{name: pl.Series(answers[:, place].astype(str)) for place, name in enumerate(questions)},
    )


def _scores(people: pl.DataFrame, answers: np.ndarray, instrument: Instrument) -> pl.DataFrame:
    """Scores straight from the drawn answers: mean of a person's questions, then of people."""
    points = np.where(answers == 9, np.nan, (answers - 1) * 25.0)  # noqa: PLR2004 - no answer
    weights = people["weight"].to_numpy().astype(float)
    rows: list[tuple[str, float, int]] = []
    first = 0
    for domain in instrument.domains:
        own = points[:, first : first + len(domain.questions)]
        first += len(domain.questions)
        answered = ~np.isnan(own).all(axis=1)
        means = np.nanmean(own[answered], axis=1)
        rows.append(
            (domain.code, float(np.average(means, weights=weights[answered])), int(answered.sum()))
        )
    shares = [domain.weight for domain in instrument.domains]
    whole = float(np.average([score for _, score, _ in rows], weights=shares))
    someone = int((~np.isnan(points).all(axis=1)).sum())
    return pl.DataFrame(
        [*rows, ("all", whole, someone)],
        schema=["survey_domain", "score", "respondents"],
        orient="row",
    )
