import numpy as np
import polars as pl

from assets.demo.identifiers import credit_codes, sampling_numbers

# Written out again, so that a slip in the generator's own alphabet or weights would show.
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
BODY_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def is_valid(code: str) -> bool:
    """GB 32100-2015, one character at a time: the code's check and the organisation's inside."""
    if len(code) != 18 or any(character not in ALPHABET for character in code):
        return False
    total = sum(ALPHABET.index(c) * w for c, w in zip(code[:17], WEIGHTS, strict=True))
    body = sum(int(c, 36) * w for c, w in zip(code[8:16], BODY_WEIGHTS, strict=True))
    inner = {10: "X", 11: "0"}.get(11 - body % 11, str(11 - body % 11))
    return (total + ALPHABET.index(code[17])) % 31 == 0 and code[16] == inner


def test_the_check_of_this_test_knows_published_codes() -> None:
    assert is_valid("91330782MADABA98X1")
    assert is_valid("11330782097919258G")
    assert not is_valid("91350100M000100Y4Z")
    assert not is_valid("91330782MADABA98X2")


def test_credit_codes_are_valid_and_hardly_ever_equal() -> None:
    size = 3000
    prefix = pl.Series(["91", "92", "93", "12"] * (size // 4))
    region = pl.Series(["330782"] * size)
    codes = credit_codes(np.random.default_rng(5), prefix, region)
    invalid = [code for code in codes.to_list() if not is_valid(code)]
    assert invalid == []
    assert codes.str.head(8).to_list() == (prefix + region).to_list()
    assert codes.n_unique() == size
    # Every check character is reached, so none of the special cases went untested.
    assert set(codes.str.slice(16, 1).to_list()) == set("0123456789X")
    assert set(codes.str.tail(1).to_list()) == set(ALPHABET)


def test_sampling_numbers_stay_unique_and_well_formed_beyond_one_institution() -> None:
    days = pl.Series("day", ["2024-05-01"] * 25_000).str.to_date()
    frame = pl.DataFrame([days]).with_columns(prefix=pl.lit("XBJ"))
    numbers = frame.select(number=sampling_numbers("prefix", "day", "330782", 30001))["number"]
    assert numbers.n_unique() == numbers.len()
    assert numbers.str.contains(r"^[A-Z]{2,3}\d{17}[A-Z]{0,2}$").all()
    assert numbers[0] == "XBJ24330782300010001"
    assert numbers[9999] == "XBJ24330782300020001"
