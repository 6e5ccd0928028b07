-- The units that lower a figure, by the parameter that they fail in: units, and failing results on them. A unit
-- that fails in several parameters stands under each; UNSTATED where the source does not say in what it fails.
-- (indicator, period := NULL, variant := NULL, division := NULL)
SELECT
    coalesce(f.parameter_code, 'UNSTATED') AS parameter_code,
    min(f.parameter_name) AS parameter_name,
    count(DISTINCT concat_ws('/', f.unit_kind, f.source_id, f.unit_no)) AS units,
    count(*) AS results
FROM mart.explained_failure(
    indicator, period := period, variant := variant, division := division
) AS f
GROUP BY coalesce(f.parameter_code, 'UNSTATED')
ORDER BY units DESC, parameter_code
