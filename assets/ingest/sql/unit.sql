-- Units as laboratories write them. They are kept as written and compared without case and blanks.

-- mg/kg, CFU/100 g, %, ℃, MPa, mgKOH/g, m², /25g, 个/g. No 万 or 百: those would scale the number.
CREATE OR REPLACE MACRO pattern_unit() AS
    '(?:%(?:vol)?|‰|°[CF]|℃|/\s?[0-9]*\s?[A-Za-z]+|'
    || '(?:[A-Za-zμµΩ个只条粒株枚次倍度级分秒天升克米吨帕毫微纳厘公]|千[克米帕焦瓦])'
    || '(?:[A-Za-zμµΩ℃个只条粒株枚次倍度级分秒天升克米吨帕毫微纳厘公0-9²³⁻¹^%·/]'
    || '|[.*-][A-Za-z0-9]|\s?/\s?[0-9]*\s?[A-Za-z个])*(?: dry matter)?)';

-- A unit standing in brackets (mg/kg); other brackets are remarks.
CREATE OR REPLACE MACRO pattern_unit_in_brackets() AS
    '\(\s*([A-Za-zμµ]*(?:[%‰]|/[0-9]*[A-Za-z]+))\s*\)';

-- What follows a quantity: unit, unit in brackets, then what says nothing of the value: the RASFF
-- tail of `mg/kg - ppm`, and a star that marks a limit at the limit of determination.
CREATE OR REPLACE MACRO pattern_unit_tail() AS
    '\s*(' || pattern_unit() || ')?(?:\s*' || pattern_unit_in_brackets() || ')?(?:\s*-\s*pp[mbt])?';

-- `x104` and `e5` are torn pieces of a number, no units.
CREATE OR REPLACE MACRO is_torn_number(unit) AS regexp_matches(unit, '^[xXeE][0-9]');

CREATE OR REPLACE MACRO unit_key(unit) AS
    regexp_replace(translate(lower(clean_text(unit)), 'µμ', 'uu'), '\s', '', 'g');

-- Two units are known and differ, whatever case, blanks, width and sign for micro.
CREATE OR REPLACE MACRO units_differ(a, b) AS a <> b AND unit_key(a) <> unit_key(b);
