-- Numbers, exactly: DECIMAL(28,10), never through floating point.
--
-- A cast to DECIMAL(28,10) costs a hundred times one to DECIMAL(18,10), so the small one, which
-- holds 8 digits before the point, is tried first.

-- What most cells hold, and what the casts below hold without rounding.
CREATE OR REPLACE MACRO pattern_plain_number() AS '[+-]?[0-9]{1,18}(?:\.[0-9]{1,10})?';

CREATE OR REPLACE MACRO is_plain_number(t) AS regexp_full_match(t, pattern_plain_number());

CREATE OR REPLACE MACRO cast_decimal(t) AS
    coalesce(CAST(TRY_CAST(t AS DECIMAL(18, 10)) AS DECIMAL(28, 10)), TRY_CAST(t AS DECIMAL(28, 10)));

-- Digits with an optional point, with or without thousands separators. `0,02` is neither: a
-- decimal comma cannot be told from a separator in `1,200`, so it is not understood anywhere.
CREATE OR REPLACE MACRO pattern_number() AS
    '[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?)';

-- 10^3, 10³, 10⁻³. `×104` is not a power: it may be ×10⁴ whose superscript was lost.
CREATE OR REPLACE MACRO pattern_power_of_ten() AS
    '10(?:\^[+-]?[0-9]{1,2}|[⁻⁺]?[⁰¹²³⁴-⁹]{1,2})';

-- 1200, 1,200, 1.2E+3, 10³, 1.2×10³
CREATE OR REPLACE MACRO pattern_quantity() AS
    '(?:(?:' || pattern_number() || '\s*[×xX*]\s*)?' || pattern_power_of_ten()
    || '|' || pattern_number() || '(?:[eE][+-]?[0-9]{1,2})?)';

-- What matches pattern_quantity, as SQL writes it: 1200, 1.2E+3, 1e3, 1.2e3.
CREATE OR REPLACE MACRO with_exponent(q) AS CASE
    WHEN regexp_matches(q, '[\^⁰¹²³⁴-⁹]') THEN regexp_replace(
        translate(q, '⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺, ^', '0123456789-+'), '^(?:([^×xX*]*)[×xX*])?10([-+]?[0-9]{1,2})$', '\1e\2'
    )
    ELSE replace(q, ',', '')
END;

-- Zeros that end a whole number, which a negative exponent turns into none: 130 in 130×10⁻¹¹.
CREATE OR REPLACE MACRO zeros_at_the_end(digits) AS CASE
    WHEN rtrim(split_part(digits, '.', 2), '0') = ''
        THEN length(split_part(digits, '.', 1)) - length(rtrim(split_part(digits, '.', 1), '0'))
    ELSE 0
END;

-- digits or digits, e and exponent → value, or NULL where ten decimals do not hold it. Twelve and
-- more digits are a computer's double (61.887365759999994); its noise beyond ten decimals is
-- rounded away. DuckDB's cast knows exponents up to 18.
CREATE OR REPLACE MACRO exact_decimal(digits, exponent) AS CASE
    WHEN length(rtrim(split_part(digits, '.', 2), '0')) - zeros_at_the_end(digits)
        - coalesce(TRY_CAST(exponent AS INTEGER), 0) <= 10
        THEN cast_decimal(coalesce(nullif(digits, ''), '1') || 'e' || coalesce(nullif(exponent, ''), '0'))
    WHEN exponent = '' AND length(ltrim(digits, '+-0.')) > 12 AND abs(TRY_CAST(digits AS DOUBLE)) >= 0.0001
        THEN cast_decimal(digits)
    WHEN regexp_full_match(digits, '[+-]?[0.]+') THEN CAST(0 AS DECIMAL(28, 10))
END;

-- The value of a text that matches pattern_quantity.
CREATE OR REPLACE MACRO quantity_value(q) AS CASE
    WHEN is_plain_number(q) THEN cast_decimal(q)
    ELSE list_transform(
        [string_split(lower(with_exponent(q)), 'e')],
        lambda p: exact_decimal(p[1], coalesce(p[2], ''))
    )[1]
END;

-- A number and nothing else, apart from ¥ before it: no percent sign, no unit.
CREATE OR REPLACE MACRO parse_number(t) AS CASE
    WHEN is_plain_number(t) THEN cast_decimal(t)
    WHEN regexp_full_match(t, pattern_quantity()) THEN quantity_value(t)
    WHEN regexp_full_match(clean_text(t), '(?:¥\s*)?' || pattern_quantity())
        THEN quantity_value(ltrim(clean_text(t), '¥ '))
END;
