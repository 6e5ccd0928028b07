"""Names and personal data as they may be published."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.draw.masking import masked_code, masked_name, masked_text
from warehouse.reference_tables import definition_tables

SURNAMES = definition_tables()["ref.surname"].rows["surname"].to_list()
WORDS = definition_tables()["ref.person_word"].rows
LABELS = WORDS.filter(kind="label")["word"].to_list()
TITLES = WORDS.filter(kind="title")["word"].to_list()
# Given names share no character with labels and the words around them, so that they can be told.
GIVEN = st.text(alphabet="小明伟芳娜静丽强磊洋勇艳杰娟涛超霞刚桂英", min_size=1, max_size=3)
NAMES = st.tuples(st.sampled_from(SURNAMES), GIVEN)


def masked(name: str | None, code: str | None) -> tuple[str | None, str | None]:
    rows = pl.DataFrame(
        {"name": [name], "code": [code]}, schema=dict.fromkeys(("name", "code"), pl.String)
    )
    return rows.select(masked_name("name", "code"), masked_code("code")).row(0)


@pytest.mark.parametrize(
    ("name", "code", "shown"),
    [
        ("义乌市鸿运商贸有限公司", "91330782MADABA98X1", "义乌市鸿运商贸有限公司"),
        ("义乌市稠城张三丰食品商行", "92330782MA2ABCDE1X", "义乌***食品商行"),
        ("张三丰商行", "92330782MA2ABCDE1X", "张***"),
        ("张三丰", None, "张***"),
        ("欧阳娜娜", None, "欧***"),
        ("义乌市第一中学", None, "义乌市第一中学"),
        ("有限公司13812345678", "91330782MADABA98X1", "有限公司***"),
        # Enterprises are public, also those named after a person; a person's name alone is not.
        ("义乌市王小明食品厂", "91330782MADABA98X1", "义乌市王小明食品厂"),
        ("王小明", "91330782MADABA98X1", "王***"),
        ("王府井百货", "91330782MADABA98X1", "王府井百货"),
        ("鸿运食品有限公司（王小明）", "91330782MADABA98X1", "鸿运食品有限公司（王***）"),
        ("王小明水果摊", None, "王***"),
        ("买买提·吐尔逊", None, "买***"),
        (None, None, None),
    ],
)
def test_names_of_persons_are_masked_and_those_of_firms_are_not(
    name: str | None, code: str | None, shown: str | None
) -> None:
    assert masked(name, code)[0] == shown


def test_codes_of_persons_keep_registry_and_division() -> None:
    assert masked("商行", "92330782MA2ABCDE1X")[1] == "92330782***"
    assert masked("公司", "91330782MADABA98X1")[1] == "91330782MADABA98X1"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("联系人电话13812345678，已改正", "联系人电话***，已改正"),
        ("身份证330782199001011234", "身份证***"),
        ("身份证33078219900101123X。", "身份证***。"),
        ("电话0579-85551234", "电话***"),
        ("邮箱 zhang.san@example.com", "邮箱 ***"),
        ("标识不符合GB 5296.5-2006，共13批", "标识不符合GB 5296.5-2006，共13批"),
        ("证号11330782097919258G", "证号11330782097919258G"),
        ("手机１３８１２３４５６７８", "手机***"),
        ("138-1234-5678或+8613912345678", "***或***"),
        ("微信号：wang_xm2024，QQ 12345678", "微信号：***，QQ ***"),
        ("护照E12345678、EA1234567", "护照***、***"),
        ("车牌浙G·A1234挂和浙GD12345", "车牌***和***"),
        ("卡号6222021234567890123", "卡号***"),
        ("抽样编号XBJ24330782004830012", "抽样编号XBJ24330782004830012"),
    ],
)
def test_numbers_of_persons_are_masked_wherever_they_stand(text: str, shown: str) -> None:
    assert pl.DataFrame({"t": [text]}).select(masked_text("t")).item() == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("法定代表人王小明", "法定代表人王***"),
        ("当事人:李四、王五和赵六，已改正", "当事人:李***，已改正"),
        ("当事人李四和王五及赵六到场", "当事人李***"),
        ("联系人 张三 13812345678", "联系人 张*** ***"),
        ("经营者（欧阳修）拒不配合", "经营者（欧阳***）拒不配合"),
        ("投诉人为买买提·吐尔逊，其余不详", "投诉人为***，其余不详"),
        ("买家John Smith", "买家***"),
        ("楼小芳女士称", "楼***女士称"),
        ("王小明（店主）在场", "王***（店主）在场"),
        ("楼小芳，电话0579-85551234", "楼***，电话***"),
        ("标签不符合要求，责令改正", "标签不符合要求，责令改正"),
        ("负责人未到场", "负责人未到场"),
        (None, None),
    ],
)
def test_persons_in_free_text_keep_no_more_than_their_surname(
    text: str | None, shown: str | None
) -> None:
    rows = pl.DataFrame({"t": [text]}, schema={"t": pl.String})
    assert rows.select(masked_text("t")).item() == shown


AROUND = st.text(alphabet="，。；检查时在场已改正标签", max_size=8)
MANNERS = st.one_of(
    st.tuples(st.sampled_from(LABELS), st.sampled_from(["", ":", "：", " ", "为", "（"])).map(
        lambda parts: ("".join(parts), "")
    ),
    st.sampled_from(TITLES).map(lambda title: ("", title)),
    st.sampled_from(LABELS).map(lambda label: ("", f"（{label}）")),
    st.sampled_from(["，13812345678", " 电话：0579-85551234"]).map(lambda number: ("。", number)),
)


@given(AROUND, MANNERS, NAMES, AROUND)
def test_no_name_beside_a_word_that_tells_of_a_person_gets_through(
    before: str, manner: tuple[str, str], name: tuple[str, str], after: str
) -> None:
    surname, given_name = name
    label, follows = manner
    if follows in TITLES:  # 王小明伟先生 has no more than two
        given_name = given_name[:2]
    text = f"{before}{label}{surname}{given_name}{follows}{after}"

    shown = pl.DataFrame({"t": [text]}).select(masked_text("t")).item()

    assert surname + given_name not in shown
    assert not set(given_name) & set(shown) - set(surname) - set(before + label + follows + after)


@given(NAMES, st.sampled_from([None, "92330782MA2ABCDE1X"]))
def test_no_name_of_a_person_gets_through_as_a_name(
    name: tuple[str, str], code: str | None
) -> None:
    shown = masked("".join(name)[:4], code)[0]
    assert shown == name[0][0] + "***"


@given(
    st.text(alphabet="张三商行在 ，。abc", max_size=8),
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    st.text(alphabet="张三商行在 ，。abc", max_size=8),
)
def test_no_mobile_number_gets_through(before: str, number: str, after: str) -> None:
    text = f"{before}{number}{after}"
    assert number not in pl.DataFrame({"t": [text]}).select(masked_text("t")).item()
