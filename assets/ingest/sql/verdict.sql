-- The verdict that follows from a result and a limit, by exact decimals, without rounding and
-- without the uncertainty of measurement: 0.054 against <= 0.05 fails.
--
-- 'pass', 'fail', 'method_inadequate' (the method cannot see what the limit asks), or NULL where
-- nothing follows. `<x` means somewhere below x, `>x` somewhere above, ND below any limit.

CREATE OR REPLACE MACRO verdict_at_most(qualifier, value, high) AS CASE qualifier
    WHEN '=' THEN CASE WHEN value <= high THEN 'pass' WHEN value > high THEN 'fail' END
    WHEN 'ND' THEN 'pass'
    WHEN '<' THEN CASE WHEN value <= high THEN 'pass' WHEN value > high THEN 'method_inadequate' END
    WHEN '>' THEN CASE WHEN value >= high THEN 'fail' END
END;

CREATE OR REPLACE MACRO verdict_at_least(qualifier, value, low) AS CASE qualifier
    WHEN '=' THEN CASE WHEN value >= low THEN 'pass' WHEN value < low THEN 'fail' END
    WHEN 'ND' THEN CASE WHEN low > 0 THEN 'fail' END
    WHEN '<' THEN CASE WHEN value <= low THEN 'fail' END
    WHEN '>' THEN CASE WHEN value >= low THEN 'pass' END
END;

-- Strict limits differ from the others only where value and limit are equal.
CREATE OR REPLACE MACRO verdict_below(qualifier, value, high) AS CASE
    WHEN qualifier = '=' AND value = high THEN 'fail'
    ELSE verdict_at_most(qualifier, value, high)
END;

CREATE OR REPLACE MACRO verdict_above(qualifier, value, low) AS CASE
    WHEN qualifier = '=' AND value = low THEN 'fail'
    WHEN qualifier = 'ND' AND low = 0 THEN 'fail'
    ELSE verdict_at_least(qualifier, value, low)
END;

CREATE OR REPLACE MACRO verdict_between(qualifier, value, low, high) AS CASE qualifier
    WHEN '=' THEN CASE WHEN value BETWEEN low AND high THEN 'pass' WHEN value < low OR value > high THEN 'fail' END
    WHEN 'ND' THEN CASE WHEN low > 0 THEN 'fail' WHEN low = 0 THEN 'pass' END
    WHEN '<' THEN CASE WHEN value <= low THEN 'fail' WHEN low = 0 AND value <= high THEN 'pass' END
    WHEN '>' THEN CASE WHEN value >= high THEN 'fail' END
END;

CREATE OR REPLACE MACRO verdict_not_detected(qualifier, value) AS CASE
    WHEN qualifier IN ('ND', '<') THEN 'pass'
    WHEN qualifier = 'DETECTED' THEN 'fail'
    WHEN qualifier = '=' THEN CASE WHEN value > 0 THEN 'fail' WHEN value = 0 THEN 'pass' END
    WHEN qualifier = '>' THEN CASE WHEN value >= 0 THEN 'fail' END
END;

-- One of n values: above M the lot fails, at most m it cannot count towards c; between, it depends
-- on the others.
CREATE OR REPLACE MACRO verdict_of_one_in_plan(qualifier, value, m, m_max) AS CASE qualifier
    WHEN '=' THEN CASE WHEN value > m_max THEN 'fail' WHEN value <= m THEN 'pass' END
    WHEN 'ND' THEN 'pass'
    WHEN '<' THEN CASE WHEN value <= m THEN 'pass' END
    WHEN '>' THEN CASE WHEN value >= m_max THEN 'fail' END
END;

CREATE OR REPLACE MACRO derive_verdict(qualifier, value, unit, comparator, low, high, limit_unit) AS CASE
    WHEN qualifier IS NULL OR comparator IS NULL THEN NULL
    WHEN units_differ(unit, limit_unit) THEN NULL
    WHEN comparator = '<=' THEN verdict_at_most(qualifier, value, high)
    WHEN comparator = 'ND' THEN verdict_not_detected(qualifier, value)
    WHEN comparator = '>=' THEN verdict_at_least(qualifier, value, low)
    WHEN comparator = 'range' THEN verdict_between(qualifier, value, low, high)
    WHEN comparator = '<' THEN verdict_below(qualifier, value, high)
    WHEN comparator = '>' THEN verdict_above(qualifier, value, low)
    WHEN comparator = 'plan' THEN verdict_of_one_in_plan(qualifier, value, low, high)
END;
