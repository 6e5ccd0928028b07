-- Dates in the spellings of bulletins, spreadsheets and exports.
--
-- Understood: 2024-05-01, 2024/5/1, 2024.05.01, 2024年5月1日, 20240501 in any order; 01/05/2024,
-- 01-05-2024, 01.05.2024 when the source says 'dmy' or 'mdy'; each with a time of day after it, which
-- is left out; spreadsheet serials 20000 to 60000 (1954-10-03 to 2064-04-08), with or without a
-- fraction. Not understood, so NULL: two-digit years, names of months, a year and month alone,
-- days that do not exist (the 30th of February never becomes the 1st of March).

CREATE OR REPLACE MACRO pattern_time() AS
    '(?:(?:\s*T\s*|\s+)(?:[01]?[0-9]|2[0-3])(?::[0-5][0-9]){1,2}(?:\.[0-9]+)?'
    || '\s*(?:[AaPp][Mm])?\s*(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?';

-- A time right after 日, with or without a blank, also as 10时30分.
CREATE OR REPLACE MACRO pattern_clock_after_day() AS
    '日\s*(?:[01]?[0-9]|2[0-3])'
    || '(?:(?::[0-5][0-9]){1,2}|[时点](?:[0-5]?[0-9]分(?:[0-5]?[0-9]秒)?)?)';

CREATE OR REPLACE MACRO is_year_first(s) AS regexp_full_match(
    s,
    '[1-9][0-9]{3}(?:-[0-9]{1,2}-[0-9]{1,2}|/[0-9]{1,2}/[0-9]{1,2}|\.[0-9]{1,2}\.[0-9]{1,2}'
    || '|\s*年\s*[0-9]{1,2}\s*月\s*[0-9]{1,2}\s*日?)' || pattern_time()
    || '|[1-9][0-9]{3}\s*年\s*[0-9]{1,2}\s*月\s*[0-9]{1,2}\s*' || pattern_clock_after_day()
);

CREATE OR REPLACE MACRO is_year_last(s) AS regexp_full_match(
    s,
    '[0-9]{1,2}(?:-[0-9]{1,2}-|/[0-9]{1,2}/|\.[0-9]{1,2}\.)[1-9][0-9]{3}' || pattern_time()
);

-- The three numbers of a date in another order, as SQL writes a date.
CREATE OR REPLACE MACRO reordered(s, pattern, numbers) AS
    TRY_CAST(regexp_replace(s, pattern || '(?:[^0-9].*)?$', numbers) AS DATE);

CREATE OR REPLACE MACRO date_as_written(s, date_order) AS CASE
    WHEN is_year_first(s)
        THEN reordered(s, '^([0-9]{4})[^0-9]+([0-9]{1,2})[^0-9]+([0-9]{1,2})', '\1-\2-\3')
    WHEN is_year_last(s) AND date_order = 'dmy'
        THEN reordered(s, '^([0-9]{1,2})[^0-9]([0-9]{1,2})[^0-9]([0-9]{4})', '\3-\2-\1')
    WHEN is_year_last(s) AND date_order = 'mdy'
        THEN reordered(s, '^([0-9]{1,2})[^0-9]([0-9]{1,2})[^0-9]([0-9]{4})', '\3-\1-\2')
    WHEN regexp_full_match(s, '(?:19|20|21)[0-9]{6}' || pattern_time())
        THEN TRY_CAST(s[1:4] || '-' || s[5:6] || '-' || s[7:8] AS DATE)
    WHEN regexp_full_match(s, '(?:[2-5][0-9]{4}|60000)(?:\.[0-9]+)?')
        THEN DATE '1899-12-30' + CAST(s[1:5] AS INTEGER)
END;

-- date_order: 'ymd', 'dmy' or 'mdy'; under 'ymd' a date whose year comes last is not understood.
CREATE OR REPLACE MACRO parse_date(t, date_order) AS CASE
    WHEN regexp_full_match(t, '[1-9][0-9]{3}[-/][0-9]{2}[-/][0-9]{2}') THEN TRY_CAST(t AS DATE)
    WHEN clean_text(t) = t THEN date_as_written(t, date_order)
    ELSE list_transform([clean_text(t)], lambda s: date_as_written(s, date_order))[1]
END;

-- A time of day in seconds, as it is written after a date; of a spreadsheet serial, its fraction.
-- Times of other zones are not understood: a record's time is that of its place.
CREATE OR REPLACE MACRO seconds_of_day(s) AS CASE
    WHEN regexp_full_match(s, '(?:[2-5][0-9]{4}|60000)\.[0-9]+')
        THEN CAST(round(86400 * CAST('0.' || split_part(s, '.', 2) AS DOUBLE)) AS BIGINT)
    WHEN regexp_matches(
        s,
        '[T\s](?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]+)?)?\s*(?:[AaPp][Mm])?$'
    )
        THEN 3600 * (
            CASE
                WHEN regexp_matches(s, '[Pp][Mm]$')
                    THEN CAST(regexp_extract(s, '([0-9]{1,2}):', 1) AS BIGINT) % 12 + 12
                WHEN regexp_matches(s, '[Aa][Mm]$')
                    THEN CAST(regexp_extract(s, '([0-9]{1,2}):', 1) AS BIGINT) % 12
                ELSE CAST(regexp_extract(s, '([0-9]{1,2}):', 1) AS BIGINT)
            END
        )
        + 60 * CAST(regexp_extract(s, ':([0-9]{2})', 1) AS BIGINT)
        + coalesce(TRY_CAST(regexp_extract(s, ':[0-9]{2}:([0-9]{2})', 1) AS BIGINT), 0)
    WHEN regexp_matches(s, pattern_clock_after_day() || '$')
        THEN 3600 * CAST(regexp_extract(s, '日\s*([0-9]{1,2})', 1) AS BIGINT)
        + 60 * coalesce(TRY_CAST(regexp_extract(s, '[:时点]([0-9]{1,2})', 1) AS BIGINT), 0)
        + coalesce(TRY_CAST(regexp_extract(s, '(?:分|:[0-9]{2}:)([0-9]{1,2})', 1) AS BIGINT), 0)
END;

-- A date with a time of day after it, in the spellings above; a date alone is no time.
CREATE OR REPLACE MACRO parse_timestamp(t, date_order) AS list_transform(
    [trim(clean_text(t))],
    lambda s: CAST(date_as_written(s, date_order) AS TIMESTAMP) + to_seconds(seconds_of_day(s))
)[1];

-- 05-08, 5/8, 5.8, 5月8日, with or without a time of day after it.
CREATE OR REPLACE MACRO pattern_day_without_year() AS
    '([0-9]{1,2})(?:-|/|\.|\s*月\s*)([0-9]{1,2})日?';

-- The last day of that month and day up to another one; the 29th of February may lie eight years back.
CREATE OR REPLACE MACRO last_such_day(month_and_day, up_to) AS list_transform(
    [{'day': month_and_day, 'up_to': up_to}],
    lambda p: list_max(list_filter(
        list_transform(
            range(0, 9), lambda years: TRY_CAST((year(p.up_to) - years) || '-' || p.day AS DATE)
        ),
        lambda day: day <= p.up_to
    ))
)[1];

-- A day without a year becomes the last such day up to another one, with the time of day that follows
-- it; any other text stays as it is.
CREATE OR REPLACE MACRO with_year(t, up_to) AS CASE
    WHEN regexp_full_match(clean_text(t), pattern_day_without_year() || pattern_time())
        THEN coalesce(
            CAST(last_such_day(
                regexp_replace(clean_text(t), '^' || pattern_day_without_year() || '.*$', '\1-\2'),
                parse_date(up_to, 'ymd')
            ) AS VARCHAR)
            || regexp_replace(clean_text(t), '^' || pattern_day_without_year(), ''),
            t
        )
    ELSE t
END;
