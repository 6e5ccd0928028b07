-- The units that lower a figure, with every failing result of a sample, each down to delivery, file, sheet
-- and row; none of a figure that is of too few units to be shown.
-- (indicator, period := NULL, variant := NULL, division := NULL)
SELECT f.*
FROM mart.indicator_failure AS f
SEMI JOIN mart.explained_unit(
    indicator, period := period, variant := variant, division := division
) AS u USING (indicator_id, variant_id, unit_kind, source_id, unit_no)
WHERE NOT (
    SELECT e.is_suppressed
    FROM mart.explained(
        indicator, period := period, variant := variant, division := division
    ) AS e
)
ORDER BY f.counted_on, f.unit_no, f.source_id, f.parameter_code, f.seq
