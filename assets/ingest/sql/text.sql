-- Text as people type it: full-width forms become half-width, what cannot be seen goes.
--
-- Macros are inlined, so an argument is evaluated once per mention. Pass a column, and keep the
-- common case in the first WHEN.

-- Characters that clean_text replaces: full-width ！ to ～ and ￥, small ﹤ ﹥, raised ˂ ˃, the minus
-- sign; the blanks U+00A0, U+2007, U+202F, U+3000; the invisible U+200B–U+200D, U+2060, U+FEFF.
CREATE OR REPLACE TEMP MACRO pattern_unclean() AS
    '[！-～￥﹤﹥˂˃−\x{A0}\x{2007}\x{202F}\x{3000}\x{200B}-\x{200D}\x{2060}\x{FEFF}]';

-- translate() drops the characters beyond the end of its last argument: the invisible ones.
CREATE OR REPLACE TEMP MACRO half_width(t) AS translate(
    t,
    '！＂＃＄％＆＇（）＊＋，－．／０１２３４５６７８９：；＜＝＞？＠'
    || 'ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ［＼］＾＿｀'
    || 'ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ｛｜｝～￥﹤﹥˂˃−'
    || chr(160) || chr(8199) || chr(8239) || chr(12288)
    || chr(8203) || chr(8204) || chr(8205) || chr(8288) || chr(65279),
    '!"#$%&''()*+,-./0123456789:;<=>?@'
    || 'ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`'
    || 'abcdefghijklmnopqrstuvwxyz{|}~¥<><>-'
    || '    '
);

CREATE OR REPLACE TEMP MACRO trimmed(t) AS nullif(trim(t, E' \t\r\n\v\f'), '');

-- Half-width, trimmed text; NULL when nothing is left. Bytes = characters means plain ASCII.
CREATE OR REPLACE TEMP MACRO clean_text(t) AS CASE
    WHEN strlen(t) = length(t) THEN trimmed(t)
    WHEN regexp_matches(t, pattern_unclean()) THEN trimmed(half_width(t))
    ELSE trimmed(t)
END;
