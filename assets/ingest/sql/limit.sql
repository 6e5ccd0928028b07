-- Limit texts → comparator, bounds, unit and sampling plan; all NULL when not understood.
--
-- '<=' and '<' fill high, '>=' and '>' fill low, 'range' both; 'ND' neither. In a microbiological
-- plan (n samples, at most c of them between m and M) low = m and high = M. A bare number is '<='.

CREATE OR REPLACE MACRO limit_of(comparator, low, high, unit, plan_n, plan_c) AS {
    'comparator': CAST(comparator AS VARCHAR),
    'low': CAST(low AS DECIMAL(28, 10)),
    'high': CAST(high AS DECIMAL(28, 10)),
    'unit': CAST(unit AS VARCHAR),
    'plan_n': CAST(plan_n AS INTEGER),
    'plan_c': CAST(plan_c AS INTEGER)
};

CREATE OR REPLACE MACRO no_limit() AS limit_of(NULL, NULL, NULL, NULL, NULL, NULL);

CREATE OR REPLACE MACRO forbids_detection(s) AS regexp_matches(
    s,
    '(?i)^(?:(?:不得|不应|不可)检出|' || pattern_not_detected() || ')'
    || pattern_word_tail() || '$'
);

CREATE OR REPLACE MACRO forbidden_unit(s) AS
    nullif(regexp_extract(s, '(/\s*[0-9]+\s*(?:g|ml|G|mL|ML))', 1), '');

CREATE OR REPLACE MACRO pattern_plan() AS
    '^[nN]\s*=\s*([0-9]{1,3})\s*[,;、]?\s*[cC]\s*=\s*([0-9]{1,3})\s*[,;、]?\s*'
    || 'm\s*=\s*(' || pattern_quantity() || ')\s*(' || pattern_unit() || ')?\s*[,;、]?\s*'
    || '(?:M\s*=\s*(?:(' || pattern_quantity() || ')|[-—/]))?\s*(' || pattern_unit() || ')?$';

CREATE OR REPLACE MACRO plan_of(n, c, m, m_max, has_max, unit) AS CASE
    WHEN c > n OR m > m_max OR m IS NULL OR has_max AND m_max IS NULL OR is_torn_number(unit) THEN no_limit()
    ELSE limit_of('plan', m, m_max, unit, n, c)
END;

CREATE OR REPLACE MACRO plan_limit(s) AS list_transform(
    list_transform(
        [regexp_extract(s, pattern_plan(), ['n', 'c', 'm', 'unit_of_m', 'm_max', 'unit'])],
        lambda p: {
            'n': TRY_CAST(p.n AS INTEGER),
            'c': TRY_CAST(p.c AS INTEGER),
            'm': quantity_value(p.m),
            'm_max': CASE WHEN p.m_max <> '' THEN quantity_value(p.m_max) END,
            'has_max': p.m_max <> '',
            'unit': coalesce(nullif(p.unit, ''), nullif(p.unit_of_m, ''))
        }
    ),
    lambda v: plan_of(v.n, v.c, v.m, v.m_max, v.has_max, v.unit)
)[1];

CREATE OR REPLACE MACRO pattern_range() AS
    '^(' || pattern_number() || ')\s*(' || pattern_unit() || ')?\s*(?:~|-|–|—{1,2}|至|到)\s*'
    || '(' || pattern_number() || ')' || pattern_unit_tail() || '(?:\s*\([^()]*\))?$';

CREATE OR REPLACE MACRO range_of(low, high, unit_of_low, unit) AS CASE
    WHEN unit_of_low <> unit OR coalesce(low > high, TRUE) THEN no_limit()
    ELSE limit_of('range', low, high, coalesce(unit, unit_of_low), NULL, NULL)
END;

CREATE OR REPLACE MACRO range_limit(s) AS list_transform(
    list_transform(
        [regexp_extract(s, pattern_range(), ['low', 'unit_of_low', 'high', 'unit', 'bracketed'])],
        lambda p: {
            'low': quantity_value(p.low),
            'high': quantity_value(p.high),
            'unit_of_low': nullif(p.unit_of_low, ''),
            'unit': coalesce(nullif(p.unit, ''), nullif(p.bracketed, ''))
        }
    ),
    lambda v: range_of(v.low, v.high, v.unit_of_low, v.unit)
)[1];

CREATE OR REPLACE MACRO pattern_bound() AS
    '^(' || pattern_comparator() || ')?\s*(' || pattern_quantity() || ')\*?' || pattern_unit_tail()
    || '\*?\s*(以下|以内|以上)?(?:\s*\([^()]*\))?$';

-- 以上 and 以下 include the number (Civil Code, article 1259).
CREATE OR REPLACE MACRO bound_comparator(word, suffix) AS CASE
    WHEN word <> '' AND suffix <> '' THEN NULL
    WHEN word <> '' THEN comparator_of(word)
    WHEN suffix = '以上' THEN '>='
    ELSE '<='
END;

-- None in a portion (0/25g) is a ban.
CREATE OR REPLACE MACRO bound_of(comparator, value, unit) AS CASE
    WHEN comparator IS NULL OR value IS NULL THEN no_limit()
    WHEN comparator = '<=' AND value = 0 AND starts_with(unit, '/')
        THEN limit_of('ND', NULL, NULL, unit, NULL, NULL)
    WHEN comparator IN ('<=', '<') THEN limit_of(comparator, NULL, value, unit, NULL, NULL)
    ELSE limit_of(comparator, value, NULL, unit, NULL, NULL)
END;

CREATE OR REPLACE MACRO bound_by_short_way(s) AS list_transform(
    list_transform(
        [regexp_extract(s, pattern_short(), ['comparator', 'quantity', 'unit'])],
        lambda p: {
            'comparator': bound_comparator(p.comparator, ''),
            'value': quantity_value(p.quantity),
            'unit': nullif(p.unit, '')
        }
    ),
    lambda b: bound_of(b.comparator, b.value, b.unit)
)[1];

CREATE OR REPLACE MACRO bound_by_long_way(s) AS list_transform(
    list_transform(
        [regexp_extract(s, pattern_bound(), ['comparator', 'quantity', 'unit', 'bracketed', 'suffix'])],
        lambda p: {
            'comparator': bound_comparator(p.comparator, p.suffix),
            'value': CASE WHEN NOT is_torn_number(p.unit) THEN quantity_value(p.quantity) END,
            'unit': coalesce(nullif(p.unit, ''), nullif(p.bracketed, ''))
        }
    ),
    lambda b: bound_of(b.comparator, b.value, b.unit)
)[1];

CREATE OR REPLACE MACRO limit_in_long(s) AS CASE
    WHEN regexp_matches(s, pattern_plan()) THEN plan_limit(s)
    WHEN forbids_detection(s) THEN limit_of('ND', NULL, NULL, forbidden_unit(s), NULL, NULL)
    WHEN regexp_matches(s, pattern_range()) THEN range_limit(s)
    WHEN regexp_matches(s, pattern_bound()) THEN bound_by_long_way(s)
    ELSE no_limit()
END;

-- `boscalid 0.02 (MRL = 0.1*)`: the maximum residue level is the limit, the rest is the finding.
CREATE OR REPLACE MACRO limit_part(t) AS CASE
    WHEN contains(t, 'MRL') THEN trimmed(
        regexp_extract(clean_text(t), '^(?:[^=]*\()?\s*MRL\s*[=:]\s*([^=()]+)\)?$', 1)
    )
    ELSE clean_text(t)
END;

CREATE OR REPLACE MACRO parse_limit(t) AS CASE
    WHEN is_plain_number(t) THEN limit_of('<=', NULL, cast_decimal(t), NULL, NULL, NULL)
    WHEN t IS NULL THEN no_limit()
    WHEN t = '不得检出' THEN limit_of('ND', NULL, NULL, NULL, NULL, NULL)
    WHEN regexp_matches(t, pattern_short()) THEN bound_by_short_way(t)
    WHEN limit_part(t) = t THEN limit_in_long(t)
    ELSE list_transform([limit_part(t)], lambda s: limit_in_long(s))[1]
END;
