-- Of a weighted figure of the whole city, its strata: industries of a list of weights, or strata of the
-- sampling plan, with their share of the weight that was sampled, in percent. Of too few units neither rate nor
-- passes are shown.
-- (indicator, period := NULL, variant := NULL)
WITH asked AS (
    FROM mart.explained(indicator, period := period, variant := variant)
),

counts AS (
    SELECT c.*, v.weighting, coalesce(f.is_suppressed, FALSE) AS is_suppressed
    FROM asked AS e
    JOIN ref.indicator_variant AS v
        ON v.indicator_id = e.indicator_id AND v.variant_id = e.variant_id
    JOIN mart.indicator_count AS c
        ON
            c.indicator_id = e.indicator_id AND c.variant_id = e.variant_id
            AND c.period_type = e.period_type AND c.period = e.period
    LEFT JOIN mart.indicator_value AS f
        ON
            f.indicator_id = c.indicator_id AND f.variant_id = c.variant_id
            AND f.period_type = c.period_type AND f.period = c.period
            AND f.slice_type = c.slice_type AND f.slice = c.slice
    WHERE v.weighting IS NOT NULL AND c.denominator > 0
),

strata AS (
    SELECT
        c.slice AS stratum,
        w.name_zh,
        w.weight,
        c.numerator,
        c.denominator,
        c.is_suppressed
    FROM counts AS c
    JOIN ref.indicator_weight AS w
        ON w.weighting = c.weighting AND w.slice_type = c.slice_type AND w.slice = c.slice
    UNION ALL
    SELECT
        c.slice AS stratum,
        NULL AS name_zh,
        c.denominator / c.inclusion_probability AS weight,
        c.numerator,
        c.denominator,
        c.is_suppressed
    FROM counts AS c
    WHERE
        c.weighting = 'inclusion_probability' AND c.slice_type = 'stratum'
        AND c.inclusion_probability IS NOT NULL
)

SELECT
    s.stratum,
    s.name_zh,
    100 * s.weight / sum(s.weight) OVER () AS weight_share,
    CASE WHEN NOT s.is_suppressed THEN s.numerator END AS numerator,
    s.denominator,
    CASE WHEN NOT s.is_suppressed THEN 100 * s.numerator / s.denominator END AS rate,
    s.is_suppressed
FROM strata AS s
ORDER BY s.stratum
