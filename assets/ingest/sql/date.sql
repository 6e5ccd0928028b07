-- Dates in the spellings of bulletins, spreadsheets and exports.
--
-- Understood: 2024-05-01, 2024/5/1, 2024.05.01, 2024年5月1日, 20240501 in any order; 01/05/2024,
-- 01-05-2024, 01.05.2024 when the source says 'dmy' or 'mdy'; each with a time of day after it, which
-- is left out; spreadsheet serials 20000 to 60000 (1954-10-03 to 2064-04-08), with or without a
-- fraction. Not understood, so NULL: two-digit years, names of months, a year and month alone,
-- days that do not exist (the 30th of February never becomes the 1st of March).

CREATE OR REPLACE TEMP MACRO pattern_time() AS
    '(?:(?:\s*T\s*|\s+)(?:[01]?[0-9]|2[0-3])(?::[0-5][0-9]){1,2}(?:\.[0-9]+)?'
    || '\s*(?:[AaPp][Mm])?\s*(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?';

CREATE OR REPLACE TEMP MACRO year_first(s) AS list_transform(
    [regexp_extract(
        s,
        '^([1-9][0-9]{3})\s*([-/.年])\s*([0-9]{1,2})\s*([-/.月])\s*([0-9]{1,2})\s*(日?)' || pattern_time() || '$',
        ['y', 'after_y', 'm', 'after_m', 'd', 'after_d']
    )],
    lambda p: CASE
        WHEN p.after_y = p.after_m AND p.after_d = '' OR p.after_y = '年' AND p.after_m = '月'
            THEN TRY_CAST(p.y || '-' || p.m || '-' || p.d AS DATE)
    END
)[1];

CREATE OR REPLACE TEMP MACRO year_last(s, date_order) AS list_transform(
    [regexp_extract(
        s,
        '^([0-9]{1,2})([-/.])([0-9]{1,2})([-/.])([1-9][0-9]{3})' || pattern_time() || '$',
        ['a', 'after_a', 'b', 'after_b', 'y']
    )],
    lambda p: CASE
        WHEN p.after_a <> p.after_b THEN NULL
        WHEN date_order = 'dmy' THEN TRY_CAST(p.y || '-' || p.b || '-' || p.a AS DATE)
        WHEN date_order = 'mdy' THEN TRY_CAST(p.y || '-' || p.a || '-' || p.b AS DATE)
    END
)[1];

CREATE OR REPLACE TEMP MACRO date_of_clean(s, date_order) AS CASE
    WHEN regexp_matches(s, '^[0-9]{4}\s*[-/.年]') THEN year_first(s)
    WHEN regexp_matches(s, '^[0-9]{1,2}[-/.]') THEN year_last(s, date_order)
    WHEN regexp_matches(s, '^(?:19|20|21)[0-9]{6}' || pattern_time() || '$')
        THEN TRY_CAST(s[1:4] || '-' || s[5:6] || '-' || s[7:8] AS DATE)
    WHEN regexp_matches(s, '^(?:[2-5][0-9]{4}|60000)(?:\.[0-9]+)?$')
        THEN DATE '1899-12-30' + CAST(s[1:5] AS INTEGER)
END;

-- date_order: 'ymd', 'dmy' or 'mdy'; under 'ymd' a date whose year comes last is not understood.
CREATE OR REPLACE TEMP MACRO parse_date(t, date_order) AS CASE
    WHEN regexp_full_match(t, '[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}') THEN TRY_CAST(t AS DATE)
    ELSE list_transform([clean_text(t)], lambda s: date_of_clean(s, date_order))[1]
END;
