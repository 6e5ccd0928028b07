-- What is asked for, in full: an indicator (or a target that takes its figure from one), by default in its
-- official way of counting and for the last year that has units; and whether the figure is of too few units to
-- be shown. One row.
-- (indicator, period := NULL, variant := NULL, division := NULL)
WITH asked AS (
    SELECT coalesce(
        (SELECT i.indicator_id FROM ref.indicator AS i WHERE i.indicator_id = indicator),
        (SELECT min(t.indicator_id) FROM ref.plan_target AS t WHERE t.target_id = indicator)
    ) AS indicator_id
),

counted AS (
    SELECT
        asked.indicator_id,
        coalesce(
            CAST(variant AS VARCHAR),
            (
                SELECT max_by(t.official_variant, t.plan_id) FROM ref.plan_target AS t
                WHERE t.indicator_id = asked.indicator_id AND t.official_variant IS NOT NULL
            ),
            (
                SELECT min(v.variant_id) FROM ref.indicator_variant AS v
                WHERE v.indicator_id = asked.indicator_id
            )
        ) AS variant_id
    FROM asked
),

dated AS (
    SELECT
        counted.indicator_id,
        counted.variant_id,
        coalesce(
            CAST(period AS VARCHAR),
            (
                -- A year with a target before one without.
                SELECT max_by(v.period, CASE WHEN v.target IS NULL THEN 0 ELSE 1 END || v.period)
                FROM mart.indicator_value AS v
                WHERE
                    v.indicator_id = counted.indicator_id AND v.variant_id = counted.variant_id
                    AND v.period_type = 'year' AND v.slice_type = 'all' AND v.denominator > 0
            )
        ) AS period_name
    FROM counted
),

typed AS (
    SELECT
        dated.indicator_id,
        dated.variant_id,
        CASE
            WHEN regexp_full_match(dated.period_name, '\d{4}') THEN 'year'
            WHEN regexp_full_match(dated.period_name, '\d{4}Q[1-4]') THEN 'quarter'
            WHEN regexp_full_match(dated.period_name, '\d{4}-(0[1-9]|1[0-2])') THEN 'month'
        END AS period_type,
        dated.period_name AS period,
        CAST(division AS VARCHAR) AS division_code
    FROM dated
)

SELECT typed.*, coalesce(v.is_suppressed, FALSE) AS is_suppressed
FROM typed
LEFT JOIN mart.indicator_value AS v
    ON
        v.indicator_id = typed.indicator_id AND v.variant_id = typed.variant_id
        AND v.period_type = typed.period_type AND v.period = typed.period
        AND v.slice_type = CASE WHEN typed.division_code IS NULL THEN 'all' ELSE 'division' END
        AND v.slice = coalesce(typed.division_code, 'all')
