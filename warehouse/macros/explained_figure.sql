-- A figure with its definition: one row of mart.indicator_value, and the words and formula behind it.
-- (indicator, period := NULL, variant := NULL, division := NULL)
SELECT
    e.indicator_id,
    e.variant_id,
    e.period_type,
    e.period,
    e.division_code,
    i.name_en,
    i.name_zh,
    v.name_en AS variant_en,
    v.name_zh AS variant_zh,
    v.numerator_en,
    v.numerator_zh,
    v.denominator_en,
    v.denominator_zh,
    CASE
        WHEN i.kind = 'count' THEN 'the number of what the numerator counts'
        WHEN i.kind = 'score' THEN 'weighted mean of the scores of the domains'
        WHEN v.weighting IS NULL OR e.division_code IS NOT NULL
            THEN '100 x numerator / denominator'
        WHEN v.weighting = 'inclusion_probability'
            THEN 'sum over strata of weight x pass rate; a stratum weighs as many units as its '
            || 'samples stand for, samples / inclusion probability'
        ELSE 'sum of weight x pass rate over the slices of ' || v.weighting
            || ', weights renormalised over those with samples'
    END AS formula_en,
    CASE
        WHEN i.kind = 'count' THEN '分子所计的数目'
        WHEN i.kind = 'score' THEN '各领域得分的加权平均'
        WHEN v.weighting IS NULL OR e.division_code IS NOT NULL THEN '100 × 分子 ÷ 分母'
        WHEN v.weighting = 'inclusion_probability'
            THEN '各层权重 × 合格率之和；层权重为其样本所代表的单位数（样本数 ÷ 入样概率）'
        ELSE '按 ' || v.weighting || ' 各组权重 × 合格率之和，权重在已抽样组间重新归一'
    END AS formula_zh,
    i.source_en,
    i.source_zh,
    i.notes_en,
    i.notes_zh,
    f.* EXCLUDE (indicator_id, variant_id, period_type, period),
    coalesce(t.rounding_digits, v.rounding_digits) AS rounding_digits,
    coalesce(t.awaiting_decision, FALSE) AS awaiting_decision,
    t.official_note_en AS decision_note_en,
    t.official_note_zh AS decision_note_zh,
    v.weighting,
    w.source_en AS weight_source_en,
    w.source_zh AS weight_source_zh,
    s.slices_en AS not_sliced_en,
    s.slices_zh AS not_sliced_zh
FROM mart.explained(
    indicator, period := period, variant := variant, division := division
) AS e
JOIN ref.indicator AS i ON i.indicator_id = e.indicator_id
JOIN ref.indicator_variant AS v
    ON v.indicator_id = e.indicator_id AND v.variant_id = e.variant_id
JOIN mart.indicator_value AS f
    ON
        f.indicator_id = e.indicator_id AND f.variant_id = e.variant_id
        AND f.period_type = e.period_type AND f.period = e.period
        AND f.slice_type = CASE WHEN e.division_code IS NULL THEN 'all' ELSE 'division' END
        AND f.slice = coalesce(e.division_code, 'all')
LEFT JOIN (
    SELECT weighting, min(source_en) AS source_en, min(source_zh) AS source_zh
    FROM ref.indicator_weight GROUP BY weighting
) AS w ON w.weighting = v.weighting
LEFT JOIN (
    SELECT
        indicator_id,
        string_agg(slice_type || ': ' || words_en, '; ' ORDER BY slice_type) AS slices_en,
        string_agg(slice_type || '：' || words_zh, '；' ORDER BY slice_type) AS slices_zh
    FROM ref.indicator_slice WHERE NOT is_made GROUP BY indicator_id
) AS s ON s.indicator_id = e.indicator_id
LEFT JOIN ref.plan_target AS t ON t.plan_id = f.plan_id AND t.target_id = f.target_id
