-- Result texts → qualifier (=, <, >, ND, DETECTED), value, unit; all NULL when not understood.
--
-- Not detected is never 0, and a value is never guessed: several values in one text, decimal
-- commas, scaled counts (1.2万) and lost superscripts (3.7×104) are not understood.

CREATE OR REPLACE TEMP MACRO result_of(qualifier, value, unit) AS {
    'qualifier': CAST(qualifier AS VARCHAR),
    'value': CAST(value AS DECIMAL(28, 10)),
    'unit': CAST(unit AS VARCHAR)
};

CREATE OR REPLACE TEMP MACRO pattern_not_detected() AS
    '未检出|未检测出|未测出|检不出|阴性|nd|n\.d\.?|(?:was |were )?not[ -]?detect(?:ed|able)|none detected|undetected'
    || '|not found|negative|absent|absence|<\s*(?:lod|mdl|(?:方法)?检出限)';

CREATE OR REPLACE TEMP MACRO pattern_detected() AS
    '检出|检出阳性|阳性|detected|positive|present|presence|found';

-- What may follow the word: the portion that was tested, a remark, the limit of detection.
CREATE OR REPLACE TEMP MACRO pattern_word_tail() AS
    '(?:\s*(?:/|in)\s*[0-9.]+\s*(?:g|ml|克|毫升))?'
    || '(?:\s*[\(\[][^\(\)\[\]]*[\)\]]|\s*<[^,;()]*|\s*[,;]?\s*(?:方法)?(?:检出限|定量限|lod|loq|mdl)[^,;]*)?';

CREATE OR REPLACE TEMP MACRO means_not_detected(s) AS
    regexp_matches(s, '(?i)^(?:' || pattern_not_detected() || ')' || pattern_word_tail() || '$');

CREATE OR REPLACE TEMP MACRO means_detected(s) AS
    regexp_matches(s, '(?i)^(?:' || pattern_detected() || ')' || pattern_word_tail() || '$');

-- Half of the words for a comparison, shared with limits; ≤ of a result says no more than <.
CREATE OR REPLACE TEMP MACRO pattern_comparator() AS
    '<=|>=|[<>≤≥≦≧⩽⩾≮≯]|不大于|不高于|不超过|不得超过|不多于|小于等于|小于或等于|至多|最大|(?i:max)\.?'
    || '|不小于|不低于|不少于|大于等于|大于或等于|至少|最小|(?i:min)\.?|小于|低于|少于|大于|高于|多于|超过';

CREATE OR REPLACE TEMP MACRO comparator_of(word) AS CASE
    WHEN word = '' THEN ''
    WHEN word = '<' OR regexp_full_match(word, '小于|低于|少于') THEN '<'
    WHEN word = '>' OR regexp_full_match(word, '大于|高于|多于|超过') THEN '>'
    WHEN regexp_full_match(word, '>=|[≥≧⩾≮]|(?i:min)\.?|不小于|不低于|不少于|大于.+|至少|最小') THEN '>='
    ELSE '<='
END;

CREATE OR REPLACE TEMP MACRO pattern_result() AS
    '^(?:检出(?:值|量)?:?\s*)?(' || pattern_comparator() || ')?\s*' || pattern_quantity()
    || '(?:\s*\(?\s*(?:±|\+\s?/?\s?-)\s*[0-9.]+\s*%?\s*\)?)?'  -- the uncertainty of measurement
    || pattern_unit_tail() || '(?:\s*\(([^()]*)\))?$';

CREATE OR REPLACE TEMP MACRO measured_result(s) AS list_transform(
    [regexp_extract(
        s, pattern_result(),
        ['comparator', 'mantissa', 'caret', 'raised', 'plain', 'e', 'unit', 'bracketed', 'remark']
    )],
    lambda p: CASE
        WHEN is_torn_number(p.unit) OR regexp_matches(p.plain, '(?:,[0-9]{3}){3}') THEN NULL
        WHEN p.comparator = '' AND means_not_detected(p.remark) THEN result_of('ND', NULL, NULL)
        ELSE result_of(
            CASE p.comparator[1] WHEN '' THEN '=' ELSE comparator_of(p.comparator)[1] END,
            quantity_value(p.mantissa, p.caret, p.raised, p.plain, p.e),
            coalesce(nullif(p.unit, ''), nullif(p.bracketed, ''))
        )
    END
)[1];

-- A qualifier without its value would say less than nothing.
CREATE OR REPLACE TEMP MACRO understood_result(r) AS list_transform(
    [r], lambda x: CASE
        WHEN x.value IS NOT NULL OR x.qualifier = 'ND' THEN x ELSE result_of(NULL, NULL, NULL)
    END
)[1];

-- A comma of full width, or three and more separators, lists several counts: 210，330，490 CFU/g.
CREATE OR REPLACE TEMP MACRO parse_result(t) AS CASE
    WHEN is_plain_number(t) THEN result_of('=', cast_decimal(t), NULL)
    WHEN t IN ('未检出', 'ND') THEN result_of('ND', NULL, NULL)
    WHEN t IS NULL OR regexp_matches(t, '[0-9０-９][，、][0-9０-９]') THEN result_of(NULL, NULL, NULL)
    ELSE list_transform(
        [clean_text(t)],
        lambda s: CASE
            WHEN means_not_detected(s) THEN result_of('ND', NULL, NULL)
            WHEN means_detected(s) THEN result_of('DETECTED', NULL, NULL)
            ELSE understood_result(measured_result(s))
        END
    )[1]
END;

-- ①3.2×10³；②<10 → its parts in order, without the marks and what separates them. A label before
-- the first mark (结果：①) goes; a text without marks is its own only part.
CREATE OR REPLACE TEMP MACRO split_results(t) AS CASE
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
