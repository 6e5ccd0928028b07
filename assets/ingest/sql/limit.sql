-- Limit texts → comparator, bounds, unit and sampling plan; all NULL when not understood.
--
-- '<=' and '<' fill high, '>=' and '>' fill low, 'range' both; 'ND' neither. In a microbiological
-- plan (n samples, at most c of them between m and M) low = m and high = M. A bare number is '<='.

CREATE OR REPLACE TEMP MACRO limit_of(comparator, low, high, unit, plan_n, plan_c) AS {
    'comparator': CAST(comparator AS VARCHAR),
    'low': CAST(low AS DECIMAL(28, 10)),
    'high': CAST(high AS DECIMAL(28, 10)),
    'unit': CAST(unit AS VARCHAR),
    'plan_n': CAST(plan_n AS INTEGER),
    'plan_c': CAST(plan_c AS INTEGER)
};

CREATE OR REPLACE TEMP MACRO no_limit() AS limit_of(NULL, NULL, NULL, NULL, NULL, NULL);

CREATE OR REPLACE TEMP MACRO forbids_detection(s) AS regexp_matches(
    s,
    '(?i)^(?:(?:不得|不应|不可)检出|0(?:\s*/\s*[0-9]+\s*(?:g|ml))|' || pattern_not_detected() || ')'
    || pattern_word_tail() || '$'
);

CREATE OR REPLACE TEMP MACRO forbidden_unit(s) AS
    nullif(regexp_extract(s, '(/\s*[0-9]+\s*(?:g|ml|G|mL|ML))', 1), '');

CREATE OR REPLACE TEMP MACRO plan_limit(s) AS list_transform(
    [regexp_extract(
        s,
        '^[nN]\s*=\s*([0-9]{1,3})\s*[,;、]?\s*[cC]\s*=\s*([0-9]{1,3})\s*[,;、]?\s*'
        || 'm\s*=\s*([0-9][0-9.×xX*^⁰¹²³⁴-⁹ ]*)(' || pattern_unit() || ')?\s*[,;、]?\s*'
        || '(?:M\s*=\s*(?:([0-9][0-9.×xX*^⁰¹²³⁴-⁹ ]*)|[-—/]))?\s*(' || pattern_unit() || ')?$',
        ['n', 'c', 'm', 'unit_of_m', 'm_max', 'unit']
    )],
    lambda p: CASE
        WHEN TRY_CAST(p.c AS INTEGER) > TRY_CAST(p.n AS INTEGER)
            OR parse_number(p.m) > parse_number(p.m_max)
            OR parse_number(p.m) IS NULL
            OR p.m_max <> '' AND parse_number(p.m_max) IS NULL
            THEN no_limit()
        ELSE limit_of(
            'plan', parse_number(p.m), parse_number(p.m_max),
            coalesce(nullif(p.unit, ''), nullif(p.unit_of_m, '')),
            TRY_CAST(p.n AS INTEGER), TRY_CAST(p.c AS INTEGER)
        )
    END
)[1];

CREATE OR REPLACE TEMP MACRO pattern_range() AS
    '^(' || pattern_number() || ')\s*(' || pattern_unit() || ')?\s*(?:~|-|–|—{1,2}|至|到)\s*'
    || '(' || pattern_number() || ')' || pattern_unit_tail() || '(?:\s*\([^()]*\))?$';

CREATE OR REPLACE TEMP MACRO range_limit(s) AS list_transform(
    [regexp_extract(s, pattern_range(), ['low', 'unit_of_low', 'high', 'unit', 'bracketed'])],
    lambda p: CASE
        WHEN units_differ(nullif(p.unit_of_low, ''), nullif(p.unit, ''))
            OR NOT coalesce(parse_number(p.low) <= parse_number(p.high), FALSE)
            THEN no_limit()
        ELSE limit_of(
            'range', parse_number(p.low), parse_number(p.high),
            coalesce(nullif(p.unit, ''), nullif(p.bracketed, ''), nullif(p.unit_of_low, '')),
            NULL, NULL
        )
    END
)[1];

CREATE OR REPLACE TEMP MACRO pattern_bound() AS
    '^(' || pattern_comparator() || ')?\s*' || pattern_quantity() || '\*?' || pattern_unit_tail()
    || '\*?\s*(以下|以内|以上)?(?:\s*\([^()]*\))?$';

-- 以上 and 以下 include the number (Civil Code, article 1259).
CREATE OR REPLACE TEMP MACRO bound_comparator(word, suffix) AS CASE
    WHEN word <> '' AND suffix <> '' THEN NULL
    WHEN word <> '' THEN comparator_of(word)
    WHEN suffix = '以上' THEN '>='
    ELSE '<='
END;

CREATE OR REPLACE TEMP MACRO bound_limit(comparator, value, unit) AS CASE
    WHEN comparator IS NULL OR value IS NULL THEN no_limit()
    WHEN comparator IN ('<=', '<') THEN limit_of(comparator, NULL, value, unit, NULL, NULL)
    ELSE limit_of(comparator, value, NULL, unit, NULL, NULL)
END;

CREATE OR REPLACE TEMP MACRO one_bound_limit(s) AS list_transform(
    list_transform(
        [regexp_extract(
            s, pattern_bound(),
            ['comparator', 'mantissa', 'caret', 'raised', 'plain', 'e', 'unit', 'bracketed', 'suffix']
        )],
        lambda p: {
            'comparator': bound_comparator(p.comparator, p.suffix),
            'value': CASE WHEN NOT is_torn_number(p.unit)
                THEN quantity_value(p.mantissa, p.caret, p.raised, p.plain, p.e) END,
            'unit': coalesce(nullif(p.unit, ''), nullif(p.bracketed, ''))
        }
    ),
    lambda b: bound_limit(b.comparator, b.value, b.unit)
)[1];

-- `boscalid 0.02 (MRL = 0.1*)`: the maximum residue level is the limit, the rest is the finding.
CREATE OR REPLACE TEMP MACRO limit_part(s) AS CASE
    WHEN contains(s, 'MRL') THEN regexp_extract(s, '^(?:[^=]*\()?\s*MRL\s*[=:]\s*([^=()]+)\)?$', 1)
    ELSE s
END;

CREATE OR REPLACE TEMP MACRO parse_limit(t) AS CASE
    WHEN is_plain_number(t) THEN limit_of('<=', NULL, cast_decimal(t), NULL, NULL, NULL)
    WHEN t IS NULL THEN no_limit()
    WHEN t = '不得检出' THEN limit_of('ND', NULL, NULL, NULL, NULL, NULL)
    ELSE list_transform(
        [trimmed(limit_part(clean_text(t)))],
        lambda s: CASE
            WHEN s IS NULL THEN no_limit()
            WHEN regexp_matches(s, '^[nN]\s*=') THEN plan_limit(s)
            WHEN forbids_detection(s) THEN limit_of('ND', NULL, NULL, forbidden_unit(s), NULL, NULL)
            WHEN regexp_matches(s, pattern_range()) THEN range_limit(s)
            ELSE one_bound_limit(s)
        END
    )[1]
END;
