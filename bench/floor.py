"""The floor: one hand-written DuckDB script that does the feed's work as fast as we know how.

    python bench/floor.py --feed bench/data/1000000/base --db OUT.duckdb
    python bench/floor.py --append --feed bench/data/1000000/delta --db STATE.duckdb

It takes every shortcut that this one feed allows (digits of a sample number as an integer, codes as
enums, check characters once per distinct code, only rejected and repeated rows looked at twice) and
gives no guarantee beyond the five tables: a lower bound, not a product.
"""

import argparse
import csv
import os
from pathlib import Path

import duckdb

LISTS = Path(__file__).parent / "lists"
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
SAMPLE = [
    "sample_no",
    "domain",
    "programme",
    "sampled_on",
    "region_code",
    "category",
    "link",
    "producer_uscc",
    "sampled_uscc",
    "product_name",
    "batch_no",
    "produced_on",
    "lab_code",
    "reported_on",
    "verdict",
    "lot_qty",
    "unit_price",
    "remark",
]
RESULT = ["sample_no", "analyte", "result_text", "unit", "limit_text", "verdict"]
RULES = [
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
]
Z = "1.959963984540054"


def listed(name: str) -> list[dict[str, str]]:
    """Rows of a list of `bench/lists`."""
    with (LISTS / f"{name}.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def files(folders: list[str], stem: str, columns: list[str]) -> str:
    """A scan of the deliveries' text, nothing guessed."""
    paths = ", ".join(f"'{folder}/{stem}_*.csv'" for folder in folders)
    types = ", ".join(f"'{name}': 'VARCHAR'" for name in columns)
    return (
        f"read_csv([{paths}], auto_detect = FALSE, header = TRUE, delim = ',', quote = '\"', "
        f"escape = '\"', columns = {{{types}}}, filename = TRUE)"
    )


def date(cell: str) -> str:
    """A date in one of the four spellings."""
    joined = f"{cell}[1:4] || '-' || {cell}[5:6] || '-' || {cell}[7:8]"
    return (
        f"TRY_CAST(CASE WHEN strlen({cell}) = 8 AND {cell}[5] BETWEEN '0' AND '9' THEN {joined} "
        f"ELSE replace({cell}, '.', '-') END AS DATE)"
    )


DAY = "TRY_CAST(filename[-12:-9] || '-' || filename[-8:-7] || '-' || filename[-6:-5] AS DATE)"


def enums(con: duckdb.DuckDBPyConnection) -> None:
    """Code lists as types, so that a cast is the check."""
    categories = listed("category")
    lists = {
        "domain_t": dict.fromkeys(row["domain"] for row in categories),
        "category_t": dict.fromkeys(row["category"] for row in categories),
        "programme_t": [row["programme"] for row in listed("programme")],
        "region_t": [row["region_code"] for row in listed("region")],
        "link_t": ["生产", "流通", "餐饮", "网络"],
        "qualifier_t": ["=", "<", "ND"],
        "limit_t": ["<=", ">=", "ND"],
    }
    for name, values in lists.items():
        con.execute(f"CREATE TYPE {name} AS ENUM ({', '.join(map(repr, values))})")


def in_domain() -> str:
    """Whether a category is of its domain's stretch of the list."""
    categories = [row["domain"] for row in listed("category")]
    names = list(dict.fromkeys(row["category"] for row in listed("category")))
    if len(names) != len(categories):
        raise ValueError("a category belongs to one domain")
    parts = []
    for domain in dict.fromkeys(categories):
        first = categories.index(domain)
        last = len(categories) - 1 - categories[::-1].index(domain)
        parts.append(f"domain = '{domain}' AND enum_code(category_e) BETWEEN {first} AND {last}")
    return " OR ".join(parts)


def read_samples(con: duckdb.DuckDBPyConnection, feed: list[str]) -> None:
    """Text to types in one pass; every rule but those of the check characters sets a bit."""
    con.execute(f"""
        CREATE TEMP TABLE received AS
        SELECT *, CAST((sample_no IS NULL)::INT + (sample_no IS NOT NULL AND k IS NULL)::INT * 2
            + (programme_e IS NULL)::INT * 4 + (sampled_d IS NULL)::INT * 8
            + (region_e IS NULL)::INT * 16 + (NOT coalesce({in_domain()}, FALSE))::INT * 32
            + coalesce(produced_d > sampled_d, FALSE)::INT * 256
            + coalesce(reported_d < sampled_d, FALSE)::INT * 512
            + (passed IS NULL)::INT * 1024 AS SMALLINT) AS bits
        FROM (
            SELECT *,
                CASE WHEN strlen(sample_no) = 20 AND starts_with(sample_no, 'XBJ')
                    THEN TRY_CAST(sample_no[4:] AS BIGINT) END AS k,
                TRY_CAST(domain AS domain_t) AS domain_e,
                TRY_CAST(programme AS programme_t) AS programme_e,
                {date("sampled_on")} AS sampled_d,
                TRY_CAST(region_code AS region_t) AS region_e,
                TRY_CAST(category AS category_t) AS category_e,
                TRY_CAST(link AS link_t) AS link_e,
                {date("produced_on")} AS produced_d,
                TRY_CAST(reported_on AS DATE) AS reported_d,
                CASE trim(verdict) WHEN '合格' THEN TRUE WHEN '不合格' THEN FALSE ELSE
                    CASE lower(trim(verdict)) WHEN 'pass' THEN TRUE WHEN '符合' THEN TRUE
                        WHEN 'fail' THEN FALSE WHEN '不符合' THEN FALSE END END AS passed,
                TRY_CAST(CASE WHEN contains(lot_qty, ',') THEN replace(lot_qty, ',', '')
                    ELSE lot_qty END AS DECIMAL(12, 1)) AS quantity,
                TRY_CAST(CASE WHEN starts_with(unit_price, '¥') THEN unit_price[2:]
                    ELSE unit_price END AS DECIMAL(12, 2)) AS price,
                {DAY} AS day
            FROM {files(feed, "samples", SAMPLE)}
        )
    """)


def find_left_out(con: duckdb.DuckDBPyConnection) -> None:
    """The few rows that will not stand: broken ones, repeats, older versions."""
    weights = (f"{pow(3, i, 31)} * (strpos('{ALPHABET}', u[{i + 1}]) - 1)" for i in range(17))
    known = " AND ".join(f"strpos('{ALPHABET}', u[{i + 1}]) > 0" for i in range(18))
    con.execute(f"""
        CREATE TEMP TABLE code AS
        SELECT DISTINCT u FROM (
            SELECT producer_uscc AS u FROM received UNION ALL SELECT sampled_uscc FROM received
        );
        CREATE TEMP TABLE bad_code AS SELECT u FROM code
        WHERE u IS NOT NULL AND NOT (strlen(u) = 18 AND {known}
            AND (31 - ({" + ".join(weights)}) % 31) % 31 = strpos('{ALPHABET}', u[18]) - 1);
        CREATE TEMP TABLE broken AS
        SELECT r.rowid AS id, bits + (p.u IS NOT NULL)::INT * 64
            + (s.u IS NOT NULL OR sampled_uscc IS NULL)::INT * 128 AS bits
        FROM received r LEFT JOIN bad_code p ON p.u = producer_uscc
            LEFT JOIN bad_code s ON s.u = sampled_uscc
        WHERE bits <> 0 OR p.u IS NOT NULL OR s.u IS NOT NULL OR sampled_uscc IS NULL;
        CREATE TEMP TABLE older AS
        WITH several AS (SELECT k FROM received WHERE bits = 0 GROUP BY k HAVING count(*) > 1)
        SELECT id, of_day > 1 AS is_repeat FROM (
            SELECT r.rowid AS id,
                row_number() OVER (PARTITION BY r.k ORDER BY day DESC, r.rowid) AS place,
                row_number() OVER (PARTITION BY r.k, day ORDER BY r.rowid) AS of_day
            FROM received r SEMI JOIN several USING (k)
            WHERE bits = 0 AND r.rowid NOT IN (SELECT id FROM broken)
        ) WHERE place > 1;
    """)


def write_samples(con: duckdb.DuckDBPyConnection, *, append: bool) -> int:
    """Fill `sample` and `rejected`; returns how many samples of the state were replaced."""
    standing = "rowid NOT IN (SELECT id FROM broken UNION ALL SELECT id FROM older)"
    into, replaced = "CREATE TABLE {} AS", 0
    if append:  # deliveries come in order, so what comes now is newer
        into = "INSERT INTO {}"
        before = con.execute("SELECT count(*) FROM sample").fetchall()[0][0]
        con.execute(
            "DELETE FROM sample WHERE sample_no IN "
            f"(SELECT sample_no FROM received WHERE {standing})"
        )
        replaced = before - con.execute("SELECT count(*) FROM sample").fetchall()[0][0]
    con.execute(f"""
        {into.format("sample")}
        SELECT sample_no, domain_e AS domain, programme_e AS programme, sampled_d AS sampled_on,
            region_e AS region_code, category_e AS category, link_e AS link, producer_uscc,
            sampled_uscc, product_name, batch_no, produced_d AS produced_on, lab_code,
            reported_d AS reported_on, passed, quantity AS lot_qty, price AS unit_price, remark,
            day AS delivery_day
        FROM received WHERE {standing}
    """)
    names = ", ".join(
        f"CASE WHEN b.bits & {1 << place} <> 0 THEN '{rule}' END"
        for place, rule in enumerate(RULES)
    )
    con.execute(f"""
        {into.format("rejected")}
        SELECT {", ".join(SAMPLE)}, day AS delivery_day, concat_ws(',', {names}) AS rules
        FROM received JOIN broken b ON b.id = received.rowid
    """)
    return int(replaced)


def write_results(con: duckdb.DuckDBPyConnection, feed: list[str], *, append: bool) -> None:
    """Fill `result`: numbers by row, limits by distinct text, the newest of each item."""
    con.execute(f"""
        CREATE TEMP TABLE res AS
        SELECT sample_no, TRY_CAST(sample_no[4:] AS BIGINT) AS k, analyte, result_text, unit,
            limit_text, verdict, {DAY} AS day, value,
            CASE WHEN result_text IN ('未检出', 'ND') THEN 'ND'::qualifier_t
                WHEN below THEN '<'::qualifier_t
                WHEN value IS NOT NULL THEN '='::qualifier_t END AS qualifier
        FROM (SELECT *, CASE WHEN below THEN TRY_CAST(result_text[2:] AS DOUBLE)
                WHEN contains(result_text, '×')
                    THEN TRY_CAST(replace(result_text, '×10^', 'e') AS DOUBLE)
                ELSE TRY_CAST(result_text AS DOUBLE) END AS value
            FROM (SELECT *, result_text[1] IN ('<', '＜') AS below
                FROM {files(feed, "results", RESULT)}));
        CREATE TEMP TABLE bound AS
        SELECT limit_text, TRY_CAST(replace(ltrim(limit_text, '≤≥'), '×10^', 'e') AS DOUBLE) AS lv,
            CASE WHEN limit_text = '不得检出' THEN 'ND'::limit_t
                WHEN limit_text[1] = '≥' THEN '>='::limit_t ELSE '<='::limit_t END AS op
        FROM (SELECT DISTINCT limit_text FROM res WHERE limit_text IS NOT NULL);
        CREATE TEMP TABLE res_older AS
        WITH several AS (SELECT k FROM res GROUP BY k HAVING min(day) <> max(day))
        SELECT id FROM (SELECT r.rowid AS id,
                row_number() OVER (PARTITION BY r.k, analyte ORDER BY day DESC) AS place
            FROM res r SEMI JOIN several USING (k)) WHERE place > 1;
    """)
    if append:
        con.execute(
            "DELETE FROM result USING res r "
            "WHERE result.sample_no = r.sample_no AND result.analyte = r.analyte"
        )
    con.execute(f"""
        {"INSERT INTO result" if append else "CREATE TABLE result AS"}
        SELECT sample_no, analyte, result_text, unit, limit_text, qualifier, value,
            op AS limit_op, lv AS limit_value,
            CASE WHEN qualifier IS NULL OR op IS NULL THEN NULL
                WHEN op = 'ND' THEN qualifier <> '='
                WHEN op = '<=' THEN CASE qualifier WHEN 'ND' THEN TRUE WHEN '=' THEN value <= lv
                    ELSE CASE WHEN value <= lv THEN TRUE END END
                ELSE CASE qualifier WHEN 'ND' THEN FALSE WHEN '=' THEN value >= lv
                    ELSE CASE WHEN value <= lv THEN FALSE END END END AS conform,
            CASE verdict WHEN '合格' THEN TRUE WHEN '不合格' THEN FALSE END AS lab_passed,
            day AS delivery_day
        FROM res LEFT JOIN bound USING (limit_text)
        WHERE res.rowid NOT IN (SELECT id FROM res_older)
    """)


def write_checks(con: duckdb.DuckDBPyConnection, replaced: int, *, append: bool) -> None:
    """Fill `dq_check`; what counts received rows adds to the state, the rest is counted again."""
    if append:
        con.execute("CREATE TEMP TABLE before AS FROM dq_check")
    rules = " UNION ALL ".join(
        f"SELECT '{rule}' AS check_name, 'reject' AS severity, "
        f"count(*) FILTER (bits & {1 << place} <> 0) AS failures FROM broken"
        for place, rule in enumerate(RULES)
    )
    con.execute(f"""
        CREATE OR REPLACE TABLE dq_check AS
        WITH o AS (SELECT count(*) FILTER (is_repeat) AS repeats,
                count(*) FILTER (NOT is_repeat) AS superseded FROM older),
            of_sample AS (SELECT sample_no, count(*) AS n, bool_or(NOT conform) AS fails
                FROM result GROUP BY sample_no),
            joined AS (SELECT sum(n) AS n, count(*) FILTER (passed AND fails) AS mismatches
                FROM sample JOIN of_sample USING (sample_no)),
            r AS (SELECT count(*) AS n, count(*) FILTER (qualifier IS NULL) AS unparsed,
                count(*) FILTER (conform <> lab_passed) AS disagrees FROM result)
        {rules}
        UNION ALL SELECT 'duplicate_in_delivery', 'warn', repeats FROM o
        UNION ALL SELECT 'superseded_version', 'warn', superseded FROM o
        UNION ALL SELECT 'unknown_link', 'warn', count(*) FROM received WHERE link_e IS NULL
        UNION ALL SELECT 'orphan_result', 'warn', r.n - joined.n FROM r, joined
        UNION ALL SELECT 'unparsed_result', 'warn', unparsed FROM r
        UNION ALL SELECT 'verdict_mismatch', 'warn', mismatches FROM joined
        UNION ALL SELECT 'lab_verdict_disagrees', 'warn', disagrees FROM r
    """)
    if append:
        con.execute(
            """
            UPDATE dq_check SET failures = dq_check.failures + b.failures
                + if(b.check_name = 'superseded_version', $replaced, 0)
            FROM before b WHERE b.check_name = dq_check.check_name AND (b.severity = 'reject'
                OR b.check_name IN ('duplicate_in_delivery', 'superseded_version', 'unknown_link'))
            """,
            {"replaced": replaced},
        )


def write_indicator(con: duckdb.DuckDBPyConnection) -> None:
    """Fill `indicator`: finest cells first, totals from those."""
    random = ", ".join(repr(r["programme"]) for r in listed("programme") if r["population"] == "1")
    sets = ", ".join(
        f"(domain, {period}{place})"
        for period in ("mm", "qq", "yy")
        for place in (", region, category", ", region", ", category", "")
    )
    con.execute(f"""
        CREATE OR REPLACE TABLE indicator AS
        WITH cell AS (SELECT domain, date_trunc('month', sampled_on) AS m, region_code AS region,
                category, count(*) AS n, count(*) FILTER (passed) AS p
            FROM sample WHERE programme IN ({random}) GROUP BY ALL),
            named AS (SELECT *, strftime(m, '%Y-%m') AS mm, year(m) || 'Q' || quarter(m) AS qq,
                CAST(year(m) AS VARCHAR) AS yy FROM cell),
            g AS (SELECT domain, mm, qq, yy, coalesce(region::VARCHAR, 'ALL') AS region_code,
                coalesce(category::VARCHAR, 'ALL') AS category, CAST(sum(n) AS BIGINT) AS n,
                CAST(sum(p) AS BIGINT) AS passed FROM named GROUP BY GROUPING SETS ({sets}))
        SELECT domain::VARCHAR AS domain, CASE WHEN mm IS NOT NULL THEN 'month'
                WHEN qq IS NOT NULL THEN 'quarter' ELSE 'year' END AS period_type,
            coalesce(mm, qq, yy) AS period, region_code, category, n, passed, passed / n AS rate,
            (passed + z * z / 2 - z * sqrt(passed * (n - passed) / n + z * z / 4)) / (n + z * z)
                AS wilson_low,
            (passed + z * z / 2 + z * sqrt(passed * (n - passed) / n + z * z / 4)) / (n + z * z)
                AS wilson_high
        FROM g, (SELECT CAST({Z} AS DOUBLE) AS z)
    """)


def main() -> None:
    """Do the work on one folder or several."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--feed", nargs="+", required=True)
    parser.add_argument("--db", required=True)
    parser.add_argument("--append", action="store_true")
    options = parser.parse_args()
    if not options.append:
        Path(options.db).unlink(missing_ok=True)
    con = duckdb.connect()
    con.execute(f"ATTACH '{options.db}' AS out (STORAGE_VERSION 'latest'); USE out")
    con.execute("SET preserve_insertion_order = FALSE; SET enable_progress_bar = FALSE")
    if not options.append:
        enums(con)
    read_samples(con, options.feed)
    find_left_out(con)
    replaced = write_samples(con, append=options.append)
    write_results(con, options.feed, append=options.append)
    write_checks(con, replaced, append=options.append)
    write_indicator(con)
    con.execute("USE memory; DETACH out")
    os._exit(0)  # no tidying of memory that goes with the process


if __name__ == "__main__":
    main()
