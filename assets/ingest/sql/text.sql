-- Text as people type it: full-width forms become half-width, what cannot be seen goes.
--
-- House rules of these files, all for speed on millions of rows. A macro is inlined, so an argument
-- is evaluated once per mention: common cases stand first in a CASE, and a costly value is mentioned
-- once by way of list_transform([value], lambda …)[1]. Regular expressions that only match are fast,
-- those that capture are slow, those inside a lambda are compiled anew for every vector.

-- Characters that clean_text replaces: full-width ！ to ～ and ￥, small ﹤ ﹥, raised ˂ ˃, the minus
-- sign; the blanks U+00A0, U+2007, U+202F, U+3000; the invisible U+200B–U+200D, U+2060, U+FEFF.
CREATE OR REPLACE MACRO pattern_unclean() AS
    '[！-～￥﹤﹥˂˃−\x{A0}\x{2007}\x{202F}\x{3000}\x{200B}-\x{200D}\x{2060}\x{FEFF}]';

-- translate() builds its table for every row, so a short one serves the texts that need no more.
CREATE OR REPLACE MACRO half_width_punctuation(t) AS
    translate(t, '（），：；％／～－＜＞＝．　', '(),:;%/~-<>=. ');

CREATE OR REPLACE MACRO pattern_beyond_punctuation() AS
    '[！-＄＆＇＊＋０-９？-｝￥﹤﹥˂˃−\x{A0}\x{2007}\x{202F}\x{200B}-\x{200D}\x{2060}\x{FEFF}]';

-- translate() drops the characters beyond the end of its last argument: the invisible ones.
CREATE OR REPLACE MACRO half_width(t) AS translate(
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

CREATE OR REPLACE MACRO trimmed(t) AS
    nullif(trim(t, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '');

-- Blanks and control characters sort before '!'.
CREATE OR REPLACE MACRO has_clean_ends(t) AS t >= '!' AND t[-1] >= '!';

-- Half-width, trimmed text; NULL when nothing is left. As many bytes as characters: plain ASCII.
CREATE OR REPLACE MACRO clean_text(t) AS CASE
    WHEN strlen(t) = length(t) OR NOT regexp_matches(t, pattern_unclean())
        THEN CASE WHEN has_clean_ends(t) THEN t ELSE trimmed(t) END
    WHEN regexp_matches(t, pattern_beyond_punctuation()) THEN trimmed(half_width(t))
    ELSE trimmed(half_width_punctuation(t))
END;

-- White space of Unicode, which Polars strips as well.
CREATE OR REPLACE MACRO white_space() AS
    chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || ' ' || chr(133) || chr(160) || chr(5760)
    || chr(8192) || chr(8193) || chr(8194) || chr(8195) || chr(8196) || chr(8197) || chr(8198)
    || chr(8199) || chr(8200) || chr(8201) || chr(8202) || chr(8232) || chr(8233) || chr(8239)
    || chr(8287) || chr(12288);

-- No white space at the end, and ASCII or a Chinese character at the start; trim() with a list of
-- characters is slow. Of an empty text nothing is cut out, which every text contains.
CREATE OR REPLACE MACRO has_plain_ends(t) AS
    NOT contains(white_space(), t[-1])
    AND (unicode(t) BETWEEN 33 AND 126 OR unicode(t) BETWEEN 13312 AND 40959);

-- A cell without the white space around it; NULL where nothing is left.
CREATE OR REPLACE MACRO stripped(t) AS
    CASE WHEN has_plain_ends(t) THEN t ELSE nullif(trim(t, white_space()), '') END;
