-- Result texts → qualifier (=, <, >, ND, DETECTED), value, unit; all NULL when not understood.
--
-- Not detected is never 0, and a value is never guessed: several values in one text, decimal
-- commas, scaled counts (1.2万) and lost superscripts (3.7×104) are not understood.

CREATE OR REPLACE MACRO result_of(qualifier, value, unit) AS {
    'qualifier': CAST(qualifier AS VARCHAR),
    'value': CAST(value AS DECIMAL(28, 10)),
    'unit': CAST(unit AS VARCHAR)
};

-- A qualifier without its value would say less than nothing.
CREATE OR REPLACE MACRO understood_result(qualifier, value, unit) AS CASE
    WHEN value IS NULL THEN result_of(NULL, NULL, NULL)
    ELSE result_of(qualifier, value, unit)
END;

CREATE OR REPLACE MACRO pattern_not_detected() AS
    '未检出|未检测出|未测出|检不出|阴性|nd|n\.d\.?|(?:was |were )?not[ -]?detect(?:ed|able)|none detected|undetected'
    || '|not found|negative|absent|absence|<\s*(?:lod|mdl|(?:方法)?检出限)';

CREATE OR REPLACE MACRO pattern_detected() AS
    '检出|检出阳性|阳性|detected|positive|present|presence|found';

-- What may follow the word: the portion that was tested, a remark, the limit of detection.
CREATE OR REPLACE MACRO pattern_word_tail() AS
    '(?:\s*(?:/|in)\s*[0-9.]+\s*(?:g|ml|克|毫升))?(?:\s*[(（\[][^()（）\[\]]*[)）\]]|\s*[<＜][^,;()，；（）]*'
    || '|\s*[,;，；]?\s*(?:方法)?(?:检出限|定量限|lod|loq|mdl)[^,;，；]*)?';

CREATE OR REPLACE MACRO means_not_detected(s) AS
    regexp_matches(s, '(?i)^(?:' || pattern_not_detected() || ')' || pattern_word_tail() || '$');

CREATE OR REPLACE MACRO means_detected(s) AS
    regexp_matches(s, '(?i)^(?:' || pattern_detected() || ')' || pattern_word_tail() || '$');

-- Half of the words for a comparison, shared with limits; ≤ of a result says no more than <.
CREATE OR REPLACE MACRO pattern_comparator() AS
    '<=|>=|[<>≤≥≦≧⩽⩾≮≯]|不大于|不高于|不超过|不得超过|不多于|小于等于|小于或等于|至多|最大|(?i:max)\.?'
    || '|不小于|不低于|不少于|大于等于|大于或等于|至少|最小|(?i:min)\.?|小于|低于|少于|大于|高于|多于|超过';

CREATE OR REPLACE MACRO comparator_of(word) AS CASE
    WHEN word = '' THEN ''
    WHEN word IN ('<=', '≤') THEN '<='
    WHEN word IN ('<', '＜', '小于', '低于', '少于') THEN '<'
    WHEN word IN ('>', '＞', '大于', '高于', '多于', '超过') THEN '>'
    WHEN word IN ('>=', '≥', '≧', '⩾', '≮', '不小于', '不低于', '不少于', '至少', '最小')
        OR starts_with(word, '大于') OR starts_with(lower(word), 'min') THEN '>='
    ELSE '<='
END;

-- The two shapes of nearly all results, in few groups, for speed: 0.05mg/kg and 1.2×10³CFU/g. Units
-- that begin with e or x are left to the long way, which knows 1.2e3 and 3.7x104.
CREATE OR REPLACE MACRO pattern_short() AS
    '^([<>≤≥＜＞]?)\s*(' || pattern_plain_number()
    || '|[0-9]+(?:\.[0-9]+)?[×*]10(?:\^[0-9]{1,2}|[⁰¹²³⁴-⁹]{1,2}))\s*([A-DF-WYZa-df-wyzμ%/][A-Za-z0-9μ%/]*)?$';

CREATE OR REPLACE MACRO pattern_long() AS
    '^(?:检出(?:值|量)?:?\s*)?(' || pattern_comparator() || ')?\s*(' || pattern_quantity() || ')'
    || '(?:\s*\(?\s*(?:±|\+\s?/?\s?-)\s*[0-9.]+\s*%?\s*\)?)?'  -- the uncertainty of measurement
    || pattern_unit_tail() || '(?:\s*\(([^()]*)\))?$';

CREATE OR REPLACE MACRO result_qualifier(comparator) AS
    CASE comparator WHEN '' THEN '=' ELSE comparator_of(comparator)[1] END;

CREATE OR REPLACE MACRO result_by_short_way(s) AS list_transform(
    [regexp_extract(s, pattern_short(), ['comparator', 'quantity', 'unit'])],
    lambda p: understood_result(
        result_qualifier(p.comparator), quantity_value(p.quantity), nullif(p.unit, '')
    )
)[1];

-- Three and more separators list counts: 210,330,490,490,790 CFU/g is no number.
CREATE OR REPLACE MACRO result_by_long_way(s) AS list_transform(
    [regexp_extract(s, pattern_long(), ['comparator', 'quantity', 'unit', 'bracketed', 'remark'])],
    lambda p: CASE
        WHEN is_torn_number(p.unit) OR regexp_matches(p.quantity, '(?:,[0-9]{3}){3}')
            THEN result_of(NULL, NULL, NULL)
        WHEN p.comparator = '' AND means_not_detected(p.remark) THEN result_of('ND', NULL, NULL)
        ELSE understood_result(
            result_qualifier(p.comparator), quantity_value(p.quantity),
            coalesce(nullif(p.unit, ''), nullif(p.bracketed, ''))
        )
    END
)[1];

CREATE OR REPLACE MACRO result_in_long(s) AS CASE
    WHEN means_not_detected(s) THEN result_of('ND', NULL, NULL)
    WHEN means_detected(s) THEN result_of('DETECTED', NULL, NULL)
    WHEN regexp_matches(s, pattern_long()) THEN result_by_long_way(s)
    ELSE result_of(NULL, NULL, NULL)
END;

-- A comma of full width lists several counts: 210，330，490 CFU/g.
CREATE OR REPLACE MACRO parse_result(t) AS CASE
    WHEN is_plain_number(t) THEN result_of('=', cast_decimal(t), NULL)
    WHEN t IN ('未检出', 'ND') THEN result_of('ND', NULL, NULL)
    WHEN t IS NULL OR regexp_matches(t, '[0-9０-９][，、][0-9０-９]') THEN result_of(NULL, NULL, NULL)
    WHEN regexp_matches(t, pattern_short()) THEN result_by_short_way(t)
    WHEN means_not_detected(t) THEN result_of('ND', NULL, NULL)
    WHEN clean_text(t) = t THEN result_in_long(t)
    ELSE list_transform([clean_text(t)], lambda s: result_in_long(s))[1]
END;

-- ①3.2×10³；②<10 → its parts in order, without the marks and what separates them. A label before
-- the first mark (结果：①) goes; a text without marks is its own only part.
CREATE OR REPLACE MACRO split_results(t) AS CASE
    WHEN t IS NULL THEN CAST([] AS VARCHAR[])
    WHEN strlen(t) = length(t) OR NOT regexp_matches(t, '[①-⑳]') THEN [t]
    ELSE list_filter(
        list_transform(
            regexp_extract_all(t, '(?:^|[①-⑳])([^①-⑳]+)', 1),
            lambda part: trim(clean_text(part), ' ,;、')
        ),
        lambda part: part <> '' AND part[-1] <> ':'
    )
END;

-- Results of water: a limit of detection followed by L means below it (0.004L), as HJ/T 91 writes.
CREATE OR REPLACE MACRO parse_water_result(t) AS CASE
    WHEN is_plain_number(t) THEN result_of('=', cast_decimal(t), NULL)
    WHEN regexp_full_match(clean_text(t), pattern_quantity() || '\s*L')
        THEN understood_result('<', quantity_value(rtrim(clean_text(t), ' L')), NULL)
    ELSE parse_result(t)
END;
