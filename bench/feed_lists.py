"""What the feed draws from: code lists, calendars, spellings and shares."""

import datetime as dt
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

LISTS = Path(__file__).parent / "lists"

RULES = (
    "missing_sample_no",
    "bad_sample_no",
    "unknown_programme",
    "bad_sampled_on",
    "unknown_region",
    "unknown_category",
    "bad_producer_uscc",
    "bad_sampled_uscc",
    "produced_after_sampled",
    "reported_before_sampled",
    "missing_verdict",
)
# Share of received rows that break each rule.
RULE_SHARES = np.array([4, 3, 6, 7, 6, 4, 6, 5, 4, 3, 6]) / 10_000

DOMAINS = ("agri", "food", "manufactured", "construction")
DOMAIN_WEIGHTS = np.array([0.18, 0.55, 0.22, 0.05])
PASS_RATES = np.array([0.985, 0.972, 0.93, 0.99])
PROGRAMME_WEIGHTS = np.array([0.48, 0.14, 0.16, 0.10, 0.09, 0.03])
REGION_WEIGHTS = np.array([9, 8, 8, 9, 7, 5, 5, 6, 8, 3, 4, 4, 6, 4], dtype=np.float64)
LINKS = ("生产", "流通", "餐饮", "网络", "其它", "电商直播")  # the last two are unknown
LINK_WEIGHTS = np.array([0.25, 0.45, 0.22, 0.08])
REMARKS = (None, "复检一次", "封样完好", '经营者称,"已下架"', "标签不规范,另行处理", "委托检验")
REMARK_WEIGHTS = np.array([0.9, 0.03, 0.03, 0.01, 0.01, 0.02])

# Days are counted from EPOCH; the first delivery is received on FIRST_DAY.
EPOCH = dt.date(2022, 1, 1)
FIRST_DAY = (dt.date(2024, 1, 1) - EPOCH).days
DAYS = 1_300
SPELLINGS = 4

# Limits of items: value in millionths, and how it is written.
LIMITS = (
    (10_000, "0.01"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (200_000, "0.2"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_000_000, "2.0"),
    (10_000_000, "10"),
)
UNITS = ("mg/kg", "μg/kg", "CFU/g", "N", "MPa", "g/100g")
AT_MOST, IN_POWERS, NOT_ALLOWED, AT_LEAST, WITHOUT_LIMIT = range(5)
ITEMS_PER_DOMAIN = 20
ITEM_GROUPS = ("农残", "理化", "安全性能", "材料强度")
ITEM_NAMES = tuple(f"{group}{n:02d}" for group in ITEM_GROUPS for n in range(ITEMS_PER_DOMAIN))
ITEM_KINDS = np.array([0, 0, 0, 2, 0, 0, 1, 0, 0, 3, 0, 0, 2, 0, 0, 4, 0, 1, 0, 0] * 4)
ITEM_LIMITS = np.arange(len(ITEM_NAMES)) * 7 % len(LIMITS)

_BRANDS = [
    "义农",
    "佛堂",
    "双峰",
    "丹溪",
    "稠江",
    "廿三里",
    "金瓯",
    "绣湖",
    "鸡鸣山",
    "国贸",
    "江南",
    "浙中",
    "红糖坊",
    "乌伤",
    "望道",
    "德胜",
]
_GOODS = [
    "红糖",
    "火腿",
    "大米",
    "菜籽油",
    "酱油",
    "黄酒",
    "速冻水饺",
    "豆腐干",
    "蜂蜜",
    "绿茶",
    "鲫鱼",
    "青菜",
    "杨梅",
    "童装",
    "衬衫",
    "袜子",
    "饰品",
    "玩具",
    "插座",
    "电动自行车头盔",
    "塑料餐具",
    "口红",
    "商品混凝土C30",
    "热轧带肋钢筋",
    "SBS防水卷材",
    "断桥铝合金窗",
    "光伏组件",
    "拉链",
    "圣诞灯串",
]


@cache
def listed(name: str) -> pl.DataFrame:
    """A list of `bench/lists`, every column as text."""
    return pl.read_csv(LISTS / f"{name}.csv", infer_schema=False)


@cache
def categories() -> tuple[pl.Series, np.ndarray, np.ndarray]:
    """All categories, the place of each domain's first, and how many each domain has."""
    table = listed("category")
    sizes = np.array([table.filter(pl.col("domain") == name).height for name in DOMAINS])
    return table["category"], np.concatenate(([0], np.cumsum(sizes)[:-1])), sizes


@cache
def estimates_population() -> np.ndarray:
    """Whether each programme draws at random."""
    return np.array([text == "1" for text in listed("programme")["population"]])


@cache
def products() -> pl.Series:
    """Names of products."""
    kinds = ("", "(散装)", " 500g", ", 礼盒")
    names = [f"{b}牌{g}{k}" for b in _BRANDS for g in _GOODS for k in kinds]
    return pl.Series(names)


@cache
def spelled_dates() -> pl.Series:
    """Each day in four spellings: day d in spelling s stands at s * DAYS + d."""
    days = [EPOCH + dt.timedelta(days=n) for n in range(DAYS)]
    return pl.Series(
        [day.isoformat() for day in days]
        + [f"{day.year}/{day.month}/{day.day}" for day in days]
        + [f"{day:%Y.%m.%d}" for day in days]
        + [f"{day:%Y%m%d}" for day in days]
    )


@cache
def months() -> np.ndarray:
    """Month of each day, counted from year 0."""
    days = (EPOCH + dt.timedelta(days=n) for n in range(DAYS))
    return np.array([day.year * 12 + day.month - 1 for day in days])
