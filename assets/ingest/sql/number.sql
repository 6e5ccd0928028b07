-- Numbers, exactly: DECIMAL(28,10), never through floating point.
--
-- A cast to DECIMAL(28,10) costs a hundred times one to DECIMAL(18,10), so the small one, which
-- holds 8 digits before the point, is tried first.

-- What most cells hold, and what the two casts below hold without rounding.
CREATE OR REPLACE TEMP MACRO is_plain_number(t) AS
    regexp_full_match(t, '[+-]?[0-9]{1,18}(?:\.[0-9]{1,10})?');

CREATE OR REPLACE TEMP MACRO cast_decimal(t) AS
    coalesce(CAST(TRY_CAST(t AS DECIMAL(18, 10)) AS DECIMAL(28, 10)), TRY_CAST(t AS DECIMAL(28, 10)));

-- Digits with an optional point, with or without thousands separators. `0,02` is neither: a
-- decimal comma cannot be told from a separator in `1,200`, so it is not understood anywhere.
CREATE OR REPLACE TEMP MACRO pattern_number() AS
    '[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?)';

-- A quantity in five groups: mantissa, caret, raised (1.2×10^3, 10³), plain, e (1200, 1.2E+3).
-- `3.7×104` is not among them: it may be 3.7×10⁴ whose superscript was lost.
CREATE OR REPLACE TEMP MACRO pattern_quantity() AS
    '(?:(?:(' || pattern_number() || ')\s*[×xX*]\s*)?10(?:\^([+-]?[0-9]{1,2})|([⁻⁺]?[⁰¹²³⁴-⁹]{1,2}))'
    || '|(' || pattern_number() || ')(?:[eE]([+-]?[0-9]{1,2}))?)';

-- digits × 10^exponent, or NULL where ten decimals do not hold it. Sixteen and more digits are a
-- computer's double (61.887365759999994), whose tail beyond ten decimals is noise: it is rounded.
CREATE OR REPLACE TEMP MACRO exact_decimal(digits, exponent) AS CASE
    WHEN exponent = '' AND is_plain_number(digits) THEN cast_decimal(digits)
    WHEN length(rtrim(split_part(digits, '.', 2), '0')) - coalesce(TRY_CAST(exponent AS INTEGER), 0) <= 10
        THEN TRY_CAST(digits || 'e' || coalesce(nullif(exponent, ''), '0') AS DECIMAL(28, 10))
    WHEN exponent = '' AND length(ltrim(digits, '+-0.')) > 16 AND abs(TRY_CAST(digits AS DOUBLE)) >= 0.0001
        THEN TRY_CAST(digits AS DECIMAL(28, 10))
END;

-- The value of the groups of pattern_quantity; NULL when none of them matched.
CREATE OR REPLACE TEMP MACRO quantity_value(mantissa, caret, raised, plain, e) AS CASE
    WHEN plain <> '' THEN exact_decimal(replace(plain, ',', ''), e)
    WHEN caret <> '' OR raised <> '' THEN exact_decimal(
        CASE WHEN mantissa = '' THEN '1' ELSE replace(mantissa, ',', '') END,
        caret || translate(raised, '⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺', '0123456789-+')
    )
END;

-- A number and nothing else, apart from ¥ before it: no percent sign, no unit.
CREATE OR REPLACE TEMP MACRO parse_number(t) AS CASE
    WHEN is_plain_number(t) THEN cast_decimal(t)
    ELSE list_transform(
        [regexp_extract(
            clean_text(t), '^(?:¥\s*)?' || pattern_quantity() || '$',
            ['mantissa', 'caret', 'raised', 'plain', 'e']
        )],
        lambda q: quantity_value(q.mantissa, q.caret, q.raised, q.plain, q.e)
    )[1]
END;
