"""The drawn values as the text that offices type: several spellings, and the spoilt cells."""

import numpy as np
import numpy.typing as npt
import polars as pl
from feed_lists import (
    AT_LEAST,
    AT_MOST,
    DAYS,
    DOMAINS,
    IN_POWERS,
    LIMITS,
    LINKS,
    NOT_ALLOWED,
    REMARKS,
    SPELLINGS,
    UNITS,
    categories,
    listed,
    products,
    spelled_dates,
)

from assets.demo.chance import decimal_text, pick

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Columns = dict[str, Integers]

_SPELLING_WEIGHTS = np.array([0.7, 0.12, 0.08, 0.1])
_NO_DATES = ("2024-02-30", "2024-13-05", "不详", None, "2024/4/31", "20240631", "2024.00.12")
_PASSES = ("合格", " 合格 ", "pass", "PASS", "符合")
_FAILS = ("不合格", "Fail", " 不合格", "不符合")
_NO_VERDICTS = (None, "  ", "待定", "-")
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
# How a result is written.
PLAIN, POWER, BELOW_DETECTION, BELOW_TWICE, NOT_DETECTED, UNREADABLE = range(6)


def where(mask: Flags, then: pl.Series | str | None, otherwise: pl.Series) -> pl.Series:
    """`then` in the marked rows, `otherwise` in the others."""
    value = then if isinstance(then, pl.Series) else pl.lit(then, pl.String)
    return pl.select(pl.when(pl.Series(mask)).then(value).otherwise(otherwise)).to_series()


def chosen(values: tuple[str | None, ...] | pl.Series, places: Integers) -> pl.Series:
    """Values at the given places."""
    return pl.Series(values, dtype=pl.String).gather(pl.Series(places))


def sample_numbers(ids: Integers) -> Integers:
    """The 17 digits: year, division, institution (5), serial from 1 (4)."""
    return 24 * 10**15 + 330782 * 10**9 + (10_000 + ids // 9_999) * 10_000 + ids % 9_999 + 1


def fixed(values: Integers, decimals: int) -> pl.Series:
    """Text of values / 10^decimals."""
    frame = pl.DataFrame({"value": values, "decimals": np.full(len(values), decimals)})
    return frame.select(decimal_text(pl.col("value"), pl.col("decimals"))).to_series()


def dates(rng: np.random.Generator, days: Integers) -> pl.Series:
    """Days in one of four spellings; those below 0 are blank."""
    spelling = pick(rng, _SPELLING_WEIGHTS[:SPELLINGS], len(days))
    return where(days < 0, None, chosen(spelled_dates(), spelling * DAYS + np.maximum(days, 0)))


def samples_frame(
    rng: np.random.Generator, rows: Columns, broken: dict[str, Flags], firms: pl.Series
) -> pl.DataFrame:
    """The 18 columns of a file of samples."""
    size = len(rows["id"])
    names, first, _ = categories()
    regions, programmes = listed("region")["region_code"], listed("programme")["programme"]
    sampled = where(
        broken["bad_sampled_on"],
        chosen(_NO_DATES, rng.integers(0, len(_NO_DATES), size)),
        dates(rng, rows["sampled"]),
    )
    category = chosen(names, first[rows["domain"]] + rows["category"])
    batch = np.maximum(rows["produced"], 0) * 100 + rows["lot"]
    return pl.DataFrame(
        {
            "sample_no": _numbers(rng, rows["id"], broken),
            "domain": chosen(DOMAINS, rows["domain"]),
            "programme": where(
                broken["unknown_programme"],
                chosen(("双随机", None, "抽查"), rng.integers(0, 3, size)),
                chosen(programmes, rows["programme"]),
            ),
            "sampled_on": sampled,
            "region_code": where(
                broken["unknown_region"],
                chosen(("330782999", "330703001", None), rng.integers(0, 3, size)),
                chosen(regions, rows["region"]),
            ),
            "category": where(broken["unknown_category"], "其他未分类", category),
            "link": chosen(LINKS, rows["link"]),
            "producer_uscc": _codes(rng, firms, rows["producer"], broken["bad_producer_uscc"]),
            "sampled_uscc": _codes(rng, firms, rows["operator"], broken["bad_sampled_uscc"]),
            "product_name": chosen(products(), rows["product"]),
            "batch_no": "L" + pl.Series(batch).cast(pl.String).str.zfill(7),
            "produced_on": dates(rng, rows["produced"]),
            "lab_code": "ZJ-" + pl.Series(501 + rows["id"] % 40).cast(pl.String),
            "reported_on": chosen(spelled_dates(), rows["reported"]),
            "verdict": _verdicts(rng, rows["passed"], broken["missing_verdict"]),
            "lot_qty": _quantities(rng, rows["quantity"]),
            "unit_price": _prices(rng, rows["price"]),
            "remark": chosen(REMARKS, rows["remark"]),
        }
    )


def _numbers(rng: np.random.Generator, ids: Integers, broken: dict[str, Flags]) -> pl.Series:
    right = "XBJ" + pl.Series(sample_numbers(ids)).cast(pl.String)
    short = right.str.head(19)
    letter = short.str.head(9) + "A" + short.str.slice(10)
    wrong = where(rng.random(len(ids)) < 0.5, short, letter)  # noqa: PLR2004 - even odds
    return where(broken["missing_sample_no"], None, where(broken["bad_sample_no"], wrong, right))


def _codes(rng: np.random.Generator, firms: pl.Series, who: Integers, bad: Flags) -> pl.Series:
    """Credit codes of firms; spoilt ones have a wrong check, lack a character or hold an O."""
    codes = where(who < 0, None, chosen(firms, np.maximum(who, 0)))
    places = np.flatnonzero(bad)
    kinds = rng.integers(0, 3, len(places))
    spoilt = [
        _spoilt(code, kind)
        for code, kind in zip(codes.gather(pl.Series(places)), kinds.tolist(), strict=True)
    ]
    return codes.scatter(places, spoilt) if spoilt else codes


def _spoilt(code: str, kind: int) -> str:
    next_check = _ALPHABET[(_ALPHABET.index(code[17]) + 1) % len(_ALPHABET)]
    return (code[:17] + next_check, code[:17], code[:9] + "O" + code[10:])[kind]


def _verdicts(rng: np.random.Generator, passed: Integers, missing: Flags) -> pl.Series:
    size = len(passed)
    passes = chosen(_PASSES, pick(rng, np.array([0.8, 0.05, 0.06, 0.03, 0.06]), size))
    fails = chosen(_FAILS, pick(rng, np.array([0.85, 0.08, 0.04, 0.03]), size))
    nothing = chosen(_NO_VERDICTS, rng.integers(0, len(_NO_VERDICTS), size))
    return where(missing, nothing, where(passed > 0, passes, fails))


def _quantities(rng: np.random.Generator, tenths: Integers) -> pl.Series:
    """Tenths as text: without `.0`, and one in twenty with thousands separators."""
    whole = pl.Series(tenths // 10).cast(pl.String)
    grouped = (
        pl.Series(tenths // 10_000).cast(pl.String)
        + ","
        + pl.Series(tenths // 10 % 1_000).cast(pl.String).str.zfill(3)
    )
    separated = (rng.random(len(tenths)) < 0.05) & (tenths >= 10_000)  # noqa: PLR2004 - one thousand
    fraction = where(tenths % 10 == 0, "", "." + pl.Series(tenths % 10).cast(pl.String))
    return where(separated, grouped, whole) + fraction


def _prices(rng: np.random.Generator, cents: Integers) -> pl.Series:
    plain = fixed(cents, 2)
    return where(rng.random(len(cents)) < 0.05, "¥" + plain, plain)  # noqa: PLR2004 - a twentieth


def results_frame(rng: np.random.Generator, of: Columns, items: pl.Series) -> pl.DataFrame:
    """The six columns of a file of results."""
    size = len(of["item"])
    micro = fixed(of["micro"], 6).str.strip_chars_end("0").str.strip_chars_end(".")
    mantissa = fixed(of["mantissa"], 1)
    power = mantissa + "×10^" + pl.Series(of["exponent"]).cast(pl.String)
    sign = chosen(("<", "<", "<", "<", "＜"), rng.integers(0, 5, size))
    form = of["form"]
    text = where(form == PLAIN, micro, sign + micro)
    text = where(form == POWER, power, text)
    text = where(form == NOT_DETECTED, chosen(("未检出", "ND"), rng.integers(0, 2, size)), text)
    text = where(form == UNREADABLE, chosen(("见附件", "—"), rng.integers(0, 2, size)), text)
    number = chosen(tuple(text for _, text in LIMITS), of["limit"])
    kind, bare = of["kind"], rng.random(size) < 0.25  # noqa: PLR2004 - a quarter
    limit = where(kind == AT_MOST, where(bare, number, "≤" + number), number)
    limit = where(kind == IN_POWERS, "≤1×10^4", limit)
    limit = where(kind == NOT_ALLOWED, "不得检出", limit)
    limit = where(kind == AT_LEAST, "≥" + number, limit)
    return pl.DataFrame(
        {
            "sample_no": "XBJ" + pl.Series(sample_numbers(of["id"])).cast(pl.String),
            "analyte": items.gather(pl.Series(of["item"])),
            "result_text": text,
            "unit": chosen(UNITS, of["item"] % len(UNITS)),
            "limit_text": where(kind > AT_LEAST, None, limit),
            "verdict": chosen(("合格", "不合格"), of["said_fail"]),
        }
    )
