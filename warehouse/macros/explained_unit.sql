-- The units of a figure's field in its period and division: counted, or left out and why; each with the
-- delivery, sheet and row that it comes from. Of a figure that is not shown, not which of them pass.
-- (indicator, period := NULL, variant := NULL, division := NULL)
SELECT u.* REPLACE (
    CASE WHEN NOT e.is_suppressed THEN u.numerator END AS numerator,
    CASE WHEN NOT e.is_suppressed THEN u.final_verdict END AS final_verdict
)
FROM mart.explained(
    indicator, period := period, variant := variant, division := division
) AS e
JOIN fact.indicator_unit AS u
    ON u.indicator_id = e.indicator_id AND u.variant_id = e.variant_id
WHERE
    CASE e.period_type
        WHEN 'year' THEN strftime(u.counted_on, '%Y')
        WHEN 'month' THEN strftime(u.counted_on, '%Y-%m')
        WHEN 'quarter' THEN strftime(u.counted_on, '%Y') || 'Q' || quarter(u.counted_on)
    END = e.period
    AND coalesce(u.assessed_period, e.period_type) = e.period_type
    AND (e.division_code IS NULL OR u.division_code = e.division_code)
