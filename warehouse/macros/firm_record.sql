-- The record of a firm before a day, as mart.repeat_failure tells it of days on which a sample failed: how many
-- samples behind which the firm stood were tested on earlier days, how many failed, and when one last did.
-- (uscc, before_day)
SELECT
    count(*) FILTER (WHERE s.final_verdict IN ('pass', 'conditional', 'fail')) AS tested_before,
    count(*) FILTER (WHERE s.final_verdict = 'fail') AS failed_before,
    max(s.counted_on) FILTER (WHERE s.final_verdict = 'fail') AS last_failed_before
FROM fact.sample_firm AS s
WHERE s.firm_uscc = uscc AND s.counted_on < before_day::DATE
