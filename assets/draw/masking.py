"""Names and personal data as they may be published.

A firm's name is public. The name of a person, or of a business that is one person (个体工商户), is
masked in the middle; numbers by which a person can be known are masked wherever they stand.
"""

import polars as pl

# Credit codes of businesses that are one person begin with 92 (GB 32100: registered by market
# supervision, individual business).
INDIVIDUAL = "92"
PERSON_NAME = 4  # no name of a firm is as short
KEPT_HEAD, KEPT_TAIL = 2, 4
MASK = "***"
# Numbers, with no digit before or after them (Chinese characters need not be set off by blanks).
NUMBERS = (
    r"[1-9][0-9]{5}(?:18|19|20)[0-9]{9}[0-9Xx]",  # citizen's number (GB 11643)
    r"[1-9][0-9]{14}",  # the older one of 15 digits
    r"1[3-9][0-9]{9}",  # mobile telephone
    r"0[0-9]{2,3}[- ]?[0-9]{7,8}",  # telephone
)
MAIL = r"[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"


def masked_name(name: str, code: str) -> pl.Expr:
    """The name in column `name`, masked where the credit code in column `code` is a person's.

    Names without a code are masked when they are as short as a person's.
    """
    text, length = pl.col(name), pl.col(name).str.len_chars()
    of_person = (pl.col(code).is_null() & (length <= PERSON_NAME)).fill_null(value=False)
    of_individual = pl.col(code).str.starts_with(INDIVIDUAL).fill_null(value=False)
    short = of_person | (of_individual & (length <= KEPT_HEAD + KEPT_TAIL))
    middle = text.str.head(KEPT_HEAD) + MASK + text.str.tail(KEPT_TAIL)
    return (
        pl.when(short)
        .then(text.str.head(1) + MASK)
        .when(of_individual)
        .then(middle)
        .otherwise(masked_text(name))
    )


def masked_code(code: str) -> pl.Expr:
    """The credit code in column `code`; of a person's business only registry and division."""
    text = pl.col(code)
    return pl.when(text.str.starts_with(INDIVIDUAL)).then(text.str.head(8) + MASK).otherwise(text)


def masked_text(text: str) -> pl.Expr:
    """The text in column `text` without numbers by which a person can be known."""
    masked = pl.col(text).str.replace_all(MAIL, MASK)
    for pattern in NUMBERS * 2:  # twice: two numbers may share the character between them
        around = f"(^|[^0-9])(?:{pattern})([^0-9]|$)"
        masked = masked.str.replace_all(around, f"${{1}}{MASK}${{2}}")
    return masked
