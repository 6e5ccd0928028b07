"""Names and personal data as they may be published.

A firm's name is public. The name of a person, or of a business that is one person (个体工商户), is
masked behind the surname; numbers by which a person can be known are masked wherever they stand.

Persons in free text are found by what stands beside them: a label before (当事人王小明), a title
behind (王小明先生), a number behind (王小明13800000000) or a label in brackets (王小明（经营者）).
Surnames and words are reference data (``ref.surname``, ``ref.person_word``). Where the end of a
name cannot be told from what follows, too much is masked rather than too little. Not found: names
beside which nothing stands, under surnames that are not listed, or with blanks between their
characters.
"""

from functools import cache

import polars as pl

from warehouse.reference_tables import definition_tables

# Credit codes of businesses that are one person begin with 92 (GB 32100: registered by market
# supervision, individual business). Names of enterprises (91) are public by law, also where they
# are named after a person (企业信息公示暂行条例); a name that is nothing but a person's is not.
INDIVIDUAL = "92"
PERSON_NAME = 4  # no name of a firm is as short
KEPT_HEAD, KEPT_TAIL = 2, 4
MASK = "***"
HAN = r"\p{Han}"
GIVEN = f"{HAN}{{1,3}}"
# Names of other peoples and languages: 买买提·吐尔逊, John Smith.
FOREIGN = f"(?:{HAN}{{1,10}}(?:[·•・]{HAN}{{1,10}})+|[A-Z][a-z'-]+(?: [A-Z][a-z'-]+)+)"
BETWEEN = r"[\s:：]*(?:姓名|名叫|叫|为|是|系)?[\s:：“\"（(]*"
JOIN = "[和及与]"
AND = rf"(?:[、/\s]|{JOIN}){{1,2}}"
# Numbers, with no digit before or after them (Chinese characters need not be set off by blanks).
CALLED = (  # by which a person is called
    r"\+?(?:86[- ]?)?1[3-9][0-9][- ]?[0-9]{4}[- ]?[0-9]{4}",  # mobile telephone
    r"0[0-9]{2,3}[- ]?[0-9]{7,8}",  # telephone
    r"[1-9][0-9]{5}(?:18|19|20)[0-9]{9}[0-9Xx]",  # citizen's number (GB 11643)
)
NUMBERS = (
    *CALLED,
    r"[1-9][0-9]{14}",  # the older citizen's number of 15 digits
    r"62[0-9]{14,17}",  # bank card
)
PASSPORT = r"(?:[DEGHKMPS][0-9]{8}|E[A-HJ-NP-Z][0-9]{7})"  # or pass to Hong Kong or Macao
PLATE = (  # number plate of a vehicle (GA 36)
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领][A-Z][·•\- ]?"
    r"[A-HJ-NP-Z0-9]{4,5}[A-HJ-NP-Z0-9挂学警港澳]"
)
# What an account is called stands behind its kind.
ACCOUNT = (
    r"((?i:微信|wechat|weixin|wx|v信|vx|qq|支付宝|抖音|快手|小红书|微博|护照|证件|passport)"
    r"(?:账号|帐号|号码|号|id|ID|No\.?)?[\s:：为是]*)[A-Za-z0-9_.-]{5,20}"
)
MAIL = r"[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
WIDE = {chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F) if chr(code).isalnum()}


def masked_name(name: str, code: str) -> pl.Expr:
    """The name in column `name`, masked where it is a person's or the credit code in `code` is.

    Without a code, what is as short as a person's name, or a person's name with a trade
    (王小明水果摊), is masked too. A name of a person in brackets is masked under every code.
    """
    text, length = pl.col(name), pl.col(name).str.len_chars()
    whole = f"^(?:{_surname()}{GIVEN}|{FOREIGN})$"
    trading = f"^{_surname()}{GIVEN}.*(?:{_words('trade')})$"
    without_code = pl.col(code).is_null() & ((length <= PERSON_NAME) | text.str.contains(trading))
    is_person = (length <= PERSON_NAME) & text.str.contains(whole) | text.str.contains(
        f"^{FOREIGN}$"
    )
    of_individual = pl.col(code).str.starts_with(INDIVIDUAL).fill_null(value=False)
    short = of_individual & (length <= KEPT_HEAD + KEPT_TAIL)
    middle = text.str.head(KEPT_HEAD) + MASK + text.str.tail(KEPT_TAIL)
    return (
        pl.when((is_person | without_code | short).fill_null(value=False))
        .then(text.str.head(1) + MASK)
        .when(of_individual)
        .then(_without_bracketed(middle))
        .when(pl.col(code).is_null())
        .then(_without_bracketed(masked_text(name)))
        .otherwise(_without_bracketed(_without_numbers(text)))
    )


def masked_code(code: str) -> pl.Expr:
    """The credit code in column `code`; of a person's business only registry and division."""
    text = pl.col(code)
    return pl.when(text.str.starts_with(INDIVIDUAL)).then(text.str.head(8) + MASK).otherwise(text)


def masked_text(text: str) -> pl.Expr:
    """The text in column `text` without names and numbers by which a person can be known.

    Digits and letters in full width become half width, so that numbers are found.
    """
    masked = pl.col(text).str.replace_many(WIDE)
    for pattern, shown in _persons():
        masked = masked.str.replace_all(pattern, shown)
    return _without_numbers(masked)


def _without_numbers(text: pl.Expr) -> pl.Expr:
    """Without numbers, accounts, plates and addresses of mail."""
    masked = text.str.replace_many(WIDE).str.replace_all(MAIL, MASK)
    masked = masked.str.replace_all(ACCOUNT, f"${{1}}{MASK}").str.replace_all(PLATE, MASK)
    bounded = [f"(^|[^0-9+])(?:{number})([^0-9]|$)" for number in NUMBERS]
    bounded.append(f"(^|[^0-9A-Za-z])(?:{PASSPORT})([^0-9A-Za-z]|$)")
    for pattern in bounded * 2:  # twice: two numbers may share the character between them
        masked = masked.str.replace_all(pattern, f"${{1}}{MASK}${{2}}")
    return masked


def _without_bracketed(text: pl.Expr) -> pl.Expr:
    """Without a person's name that fills a pair of brackets."""
    return text.str.replace_all(f"([（(])({_surname()}){GIVEN}([）)])", f"${{1}}${{2}}{MASK}${{3}}")


@cache
def _persons() -> tuple[tuple[str, str], ...]:
    """Patterns of persons in a text, and what is shown of each: as a rule the surname."""
    surname, label = _surname(), _words("label")
    # 和, 及 and 与 join names, and stand in names: they join where a surname follows.
    given = f"(?:{HAN}{{1,2}}(?:{JOIN}{surname}{HAN}{{1,2}})*{JOIN}{surname}{GIVEN}|{GIVEN})"
    more = f"(?:{AND}(?:{surname}{given}|{FOREIGN}))*"  # of several persons, only the first shows
    kind = r"(?:联系)?(?:电话|手机|方式|身份证)?号?码?"
    called = "|".join(CALLED)
    return (
        (f"((?:{label}){BETWEEN}){FOREIGN}{more}", f"${{1}}{MASK}"),
        (f"((?:{label}){BETWEEN})({surname}){given}{more}", f"${{1}}${{2}}{MASK}"),
        (f"({surname}){HAN}{{1,2}}({_words('title')})", f"${{1}}{MASK}${{2}}"),
        (f"({surname}){GIVEN}([（(](?:{label}))", f"${{1}}{MASK}${{2}}"),
        (
            rf"(^|[^\p{{Han}}*])({surname}){GIVEN}([\s,，:：（(]*{kind}[\s:：]*(?:{called}))",
            f"${{1}}${{2}}{MASK}${{3}}",
        ),
    )


@cache
def _surname() -> str:
    """A surname as a pattern without groups, those of two characters first."""
    names = definition_tables()["ref.surname"].rows["surname"].to_list()
    double = "|".join(name for name in names if len(name) > 1)
    return f"(?:{double}|[{''.join(name for name in names if len(name) == 1)}])"


@cache
def _words(kind: str) -> str:
    """Words of one kind as a pattern without groups, longer ones first."""
    words = definition_tables()["ref.person_word"].rows.filter(kind=kind)["word"]
    return "|".join(sorted(words, key=lambda word: (-len(word), word)))
