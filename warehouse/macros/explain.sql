-- A figure explained, line by line: definition, formula, counts, interval and status (part figure), the
-- strata of a weighted one (stratum), what it is made of (made_of), what was left out and why (left_out), the
-- failing units by parameter (parameter) and the failing rows (failing).
-- (indicator, period := NULL, variant := NULL, division := NULL)
WITH figure AS (
    FROM mart.explained_figure(
        indicator, period := period, variant := variant, division := division
    )
),

said AS (
    SELECT unnest([
        {
            'label_en': 'figure', 'label_zh': '指标',
            'text_en': concat_ws(', ', f.name_en, f.period, f.division_code),
            'text_zh': concat_ws('，', f.name_zh, f.period, f.division_code)
        },
        {
            'label_en': 'variant', 'label_zh': '口径',
            'text_en': f.variant_id || ': ' || f.variant_en
            || CASE f.is_official
                WHEN TRUE THEN ' (official)' WHEN FALSE THEN ' (not the official variant)' ELSE ''
            END,
            'text_zh': f.variant_id || '：' || f.variant_zh
            || CASE f.is_official
                WHEN TRUE THEN '（官方口径）' WHEN FALSE THEN '（非官方口径）' ELSE ''
            END
        },
        {
            'label_en': 'numerator', 'label_zh': '分子',
            'text_en': f.numerator_en, 'text_zh': f.numerator_zh
        },
        {
            'label_en': 'denominator', 'label_zh': '分母',
            'text_en': f.denominator_en, 'text_zh': f.denominator_zh
        },
        {
            'label_en': 'formula', 'label_zh': '公式',
            'text_en': f.formula_en, 'text_zh': f.formula_zh
        },
        {
            'label_en': 'source', 'label_zh': '依据',
            'text_en': f.source_en, 'text_zh': f.source_zh
        },
        {'label_en': 'note', 'label_zh': '说明', 'text_en': f.notes_en, 'text_zh': f.notes_zh},
        {
            'label_en': 'value', 'label_zh': '数值',
            'text_en': CASE
                WHEN f.is_suppressed
                    THEN format('not shown: too few units ({:,})', f.denominator)
                WHEN f.value IS NULL AND f.estimates = 'census' AND f.denominator > 0
                    THEN 'none: not every month that is over was reported'
                WHEN f.value IS NULL THEN 'none: no unit counts'
                ELSE printf('%.4f ', f.value) || f.unit
            END || coalesce(
                format(' ({:,} of {:,}, {:,} left out)', f.numerator, f.denominator, f.excluded),
                ''
            ),
            'text_zh': CASE
                WHEN f.is_suppressed
                    THEN format('样本过少（{:,}），不予显示', f.denominator)
                WHEN f.value IS NULL AND f.estimates = 'census' AND f.denominator > 0
                    THEN '无数据：尚有已结束月份未签报'
                WHEN f.value IS NULL THEN '无数据'
                ELSE printf('%.4f ', f.value) || f.unit
            END || coalesce(
                format('（{:,}/{:,}，未计入 {:,}）', f.numerator, f.denominator, f.excluded), ''
            )
        },
        {
            'label_en': 'weights', 'label_zh': '权重',
            'text_en': CASE WHEN f.is_weighted THEN concat_ws(
                '; ',
                printf('the slices with samples hold %.1f %% of them', f.covered_share),
                format('{:,} units have none', f.units_without_weight),
                printf('the effective sample size is %.0f', f.effective_size),
                f.weight_source_en
            ) END,
            'text_zh': CASE WHEN f.is_weighted THEN concat_ws(
                '；',
                printf('已抽样组占全部权重 %.1f %%', f.covered_share),
                format('无权重样品 {:,}', f.units_without_weight),
                printf('有效样本量 %.0f', f.effective_size),
                f.weight_source_zh
            ) END
        },
        {
            'label_en': 'interval', 'label_zh': '区间',
            'text_en': CASE
                WHEN f.lower IS NOT NULL
                    THEN printf(
                        '%.2f to %.2f %s (95 %%, %s)', f.lower, f.upper, f.unit, f.interval_method
                    )
                WHEN f.estimates = 'census' THEN 'none: a census has no sampling error'
                ELSE 'none'
            END,
            'text_zh': CASE
                WHEN f.lower IS NOT NULL
                    THEN printf(
                        '%.2f 至 %.2f %s（95 %%，%s）', f.lower, f.upper, f.unit, f.interval_method
                    )
                WHEN f.estimates = 'census' THEN '全数检查，无抽样误差'
                ELSE '无'
            END
        },
        {
            'label_en': 'target', 'label_zh': '目标',
            'text_en': f.comparator || ' ' || rtrim(rtrim(f.target::VARCHAR, '0'), '.') || ' '
            || f.unit || ': ' || f.official_status || CASE
                WHEN f.rounding_digits IS NULL
                    THEN ' (the value as it is against the target)'
                ELSE ' (rounded to ' || f.rounding_digits || ' decimals first)'
            END,
            'text_zh': f.comparator || ' ' || rtrim(rtrim(f.target::VARCHAR, '0'), '.') || ' '
            || f.unit || '：' || CASE f.official_status
                WHEN 'met' THEN '达标' WHEN 'not_met' THEN '未达标'
                WHEN 'no_data' THEN '无数据' ELSE '不作判定'
            END || CASE
                WHEN f.rounding_digits IS NULL THEN '（以全值比较）'
                ELSE '（先修约至' || f.rounding_digits || '位小数）'
            END
        },
        {
            'label_en': 'evidence', 'label_zh': '证据',
            'text_en': f.evidence || coalesce(
                printf('; probability that the true rate meets it %.3f', f.probability), ''
            ),
            'text_zh': CASE f.evidence
                WHEN 'demonstrated' THEN '已证明达标' WHEN 'missed' THEN '已证明未达标'
                WHEN 'inconclusive' THEN '尚不能断定' WHEN 'census' THEN '全数检查'
                WHEN 'operational' THEN '仅代表本任务' WHEN 'no_data' THEN '无数据'
                WHEN 'not_judged' THEN '不作判定'
            END || coalesce(printf('；真实值达标概率 %.3f', f.probability), '')
        },
        {
            'label_en': 'to show it', 'label_zh': '尚需样本',
            'text_en': CASE WHEN f.samples_needed > 0 THEN format(
                '{:,} further samples would demonstrate it if all of them pass', f.samples_needed
            ) END,
            'text_zh': CASE WHEN f.samples_needed > 0 THEN format(
                '再抽 {:,} 批且全部合格，方可证明达标', f.samples_needed
            ) END
        },
        {
            'label_en': 'open', 'label_zh': '待定',
            'text_en': CASE WHEN f.awaiting_decision THEN f.decision_note_en END,
            'text_zh': CASE WHEN f.awaiting_decision THEN f.decision_note_zh END
        },
        {
            'label_en': 'no slices', 'label_zh': '不分项',
            'text_en': CASE WHEN f.division_code IS NULL THEN f.not_sliced_en END,
            'text_zh': CASE WHEN f.division_code IS NULL THEN f.not_sliced_zh END
        },
        {
            'label_en': 'as of', 'label_zh': '数据截止',
            'text_en': 'deliveries up to ' || f.as_of::VARCHAR,
            'text_zh': f.as_of::VARCHAR || ' 及以前接收'
        }
    ], recursive := TRUE)
    FROM figure AS f
),

lines AS (
    SELECT
        1 AS block,
        row_number() OVER () AS place,
        'figure' AS part,
        s.label_en,
        s.label_zh,
        s.text_en,
        s.text_zh,
        NULL::BIGINT AS units,
        NULL AS delivery_id,
        NULL AS file_name,
        NULL AS source_sheet,
        NULL::BIGINT AS source_row
    FROM said AS s
    UNION ALL
    SELECT
        2,
        row_number() OVER (ORDER BY s.stratum),
        'stratum',
        s.stratum,
        coalesce(s.name_zh, s.stratum),
        printf('%.2f %% of the weight, ', s.weight_share)
        || coalesce(printf('%.2f %% pass', s.rate), 'rate not shown: too few units'),
        printf('权重 %.2f %%，', s.weight_share)
        || coalesce(printf('合格率 %.2f %%', s.rate), '样本过少，合格率不予显示'),
        s.denominator,
        NULL, NULL, NULL, NULL
    FROM mart.explained_stratum(indicator, period := period, variant := variant) AS s
    WHERE division IS NULL
    UNION ALL
    SELECT
        3,
        row_number() OVER (ORDER BY p.programme, p.sampling_basis, p.coverage),
        'made_of',
        concat_ws(' / ', p.programme, p.sampling_basis, p.coverage),
        concat_ws(
            ' / ',
            coalesce(programmes.name_zh, p.programme),
            coalesce(bases.name_zh, p.sampling_basis),
            coalesce(coverages.name_zh, p.coverage)
        ),
        CASE
            WHEN p.counted = 0 THEN 'none of them counts'
            WHEN p.passed IS NULL
                THEN format('{:,} count; too few to show how many pass', p.counted)
            ELSE format('{:,} of {:,} that count pass', p.passed, p.counted)
        END,
        CASE
            WHEN p.counted = 0 THEN '均不计入'
            WHEN p.passed IS NULL THEN format('计入 {:,}，样本过少，合格数不予显示', p.counted)
            ELSE format('计入 {:,}，合格 {:,}', p.counted, p.passed)
        END,
        p.units,
        NULL, NULL, NULL, NULL
    FROM mart.explained_part(
        indicator, period := period, variant := variant, division := division
    ) AS p
    LEFT JOIN ref.programme AS programmes ON programmes.code = p.programme
    LEFT JOIN ref.sampling_basis AS bases ON bases.code = p.sampling_basis
    LEFT JOIN ref.coverage AS coverages ON coverages.code = p.coverage
    UNION ALL
    SELECT
        4,
        row_number() OVER (ORDER BY x.units DESC, x.reason),
        'left_out',
        x.reason,
        x.reason,
        x.words_en,
        x.words_zh,
        x.units,
        NULL, NULL, NULL, NULL
    FROM mart.explained_exclusion(
        indicator, period := period, variant := variant, division := division
    ) AS x
    UNION ALL
    SELECT
        5,
        row_number() OVER (ORDER BY p.units DESC, p.parameter_code),
        'parameter',
        coalesce(p.parameter_name, p.parameter_code),
        coalesce(p.parameter_name, p.parameter_code),
        format('{:,} failing results', p.results),
        format('不合格 {:,} 项次', p.results),
        p.units,
        NULL, NULL, NULL, NULL
    FROM mart.explained_parameter(
        indicator, period := period, variant := variant, division := division
    ) AS p
    -- Units that are no samples fail in no parameter.
    QUALIFY bool_or(p.parameter_code <> 'UNSTATED') OVER ()
    UNION ALL
    SELECT
        6,
        row_number() OVER (ORDER BY x.counted_on, x.unit_no, x.source_id, x.parameter_code, x.seq),
        'failing',
        x.unit_no,
        x.unit_no,
        concat_ws(
            ', ', x.counted_on::VARCHAR, x.product_name,
            coalesce(x.parameter_name, x.final_verdict), x.result_text, x.limit_text
        ),
        concat_ws(
            '，', x.counted_on::VARCHAR, x.product_name,
            coalesce(x.parameter_name, x.final_verdict), x.result_text, x.limit_text
        ),
        NULL,
        x.delivery_id,
        x.file_name,
        x.source_sheet,
        x.source_row
    FROM mart.explained_failure(
        indicator, period := period, variant := variant, division := division
    ) AS x
)

SELECT
    row_number() OVER (ORDER BY l.block, l.place) AS line,
    l.part,
    l.label_en,
    l.label_zh,
    l.text_en,
    l.text_zh,
    l.units,
    l.delivery_id,
    l.file_name,
    l.source_sheet,
    l.source_row
FROM lines AS l
WHERE l.text_en IS NOT NULL
ORDER BY line
