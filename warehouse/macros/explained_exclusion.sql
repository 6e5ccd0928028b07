-- Units that a figure leaves out, by reason, with the reason in words.
-- (indicator, period := NULL, variant := NULL, division := NULL)
SELECT u.exclusion_reason AS reason, count(*) AS units, x.words_en, x.words_zh
FROM mart.explained_unit(
    indicator, period := period, variant := variant, division := division
) AS u
LEFT JOIN ref.indicator_exclusion AS x
    ON
        x.indicator_id = u.indicator_id AND x.variant_id = u.variant_id
        AND x.reason = u.exclusion_reason
WHERE NOT u.is_counted
GROUP BY ALL
ORDER BY units DESC, reason
