-- What a figure is made of: its units by programme, sampling basis and coverage. Of a figure that is of too few
-- units to be shown, not how many pass.
-- (indicator, period := NULL, variant := NULL, division := NULL)
SELECT
    u.programme,
    u.sampling_basis,
    u.coverage,
    count(*) AS units,
    CAST(sum(u.denominator) AS BIGINT) AS counted,
    CAST(sum(u.numerator) AS BIGINT) AS passed
FROM mart.explained_unit(
    indicator, period := period, variant := variant, division := division
) AS u
GROUP BY ALL
ORDER BY ALL
