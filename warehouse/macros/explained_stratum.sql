-- Of a weighted figure of the whole city, its strata: industries of a list of weights, or strata of the
-- sampling plan, with their share of the weight that was sampled, in percent.
-- (indicator, period := NULL, variant := NULL)
WITH asked AS (
    FROM mart.explained(indicator, period := period, variant := variant)
),

counts AS (
    SELECT c.*, v.weighting
    FROM asked AS e
    JOIN ref.indicator_variant AS v
        ON v.indicator_id = e.indicator_id AND v.variant_id = e.variant_id
    JOIN mart.indicator_count AS c
        ON
            c.indicator_id = e.indicator_id AND c.variant_id = e.variant_id
            AND c.period_type = e.period_type AND c.period = e.period
    WHERE v.weighting IS NOT NULL AND c.denominator > 0
),

strata AS (
    SELECT c.slice AS stratum, w.name_zh, w.weight, c.numerator, c.denominator
    FROM counts AS c
    JOIN ref.indicator_weight AS w
        ON w.weighting = c.weighting AND w.slice_type = c.slice_type AND w.slice = c.slice
    UNION ALL
    SELECT
        c.slice AS stratum,
        NULL AS name_zh,
        c.denominator / c.inclusion_probability AS weight,
        c.numerator,
        c.denominator
    FROM counts AS c
    WHERE
        c.weighting = 'inclusion_probability' AND c.slice_type = 'stratum'
        AND c.inclusion_probability IS NOT NULL
)

SELECT
    s.stratum,
    s.name_zh,
    100 * s.weight / sum(s.weight) OVER () AS weight_share,
    s.numerator,
    s.denominator,
    100 * s.numerator / s.denominator AS rate
FROM strata AS s
ORDER BY s.stratum
