"""Names and personal data as they may be published."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.draw.masking import masked_code, masked_name, masked_text


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
    ],
)
def test_numbers_of_persons_are_masked_wherever_they_stand(text: str, shown: str) -> None:
    assert pl.DataFrame({"t": [text]}).select(masked_text("t")).item() == shown


@given(
    st.text(alphabet="张三商行在 ，。abc", max_size=8),
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    st.text(alphabet="张三商行在 ，。abc", max_size=8),
)
def test_no_mobile_number_gets_through(before: str, number: str, after: str) -> None:
    text = f"{before}{number}{after}"
    assert number not in pl.DataFrame({"t": [text]}).select(masked_text("t")).item()
