-- Identifiers and their check characters. Texts are taken as they stand: clean and upper-case first.
-- NULL stays NULL. Sums are written out term by term: on millions of rows a list per row costs more.

-- Position of a character in an alphabet, from 0; -1 when it is not there.
CREATE OR REPLACE MACRO rank_in(alphabet, letter) AS instr(alphabet, letter) - 1;

-- GB 32100-2015, unified social credit code: 17 characters and a check character, modulus 31.
CREATE OR REPLACE MACRO uscc_rank(t, i) AS rank_in('0123456789ABCDEFGHJKLMNPQRTUWXY', t[i]);

CREATE OR REPLACE MACRO uscc_sum(t) AS
    uscc_rank(t, 1) + uscc_rank(t, 2) * 3 + uscc_rank(t, 3) * 9 + uscc_rank(t, 4) * 27
    + uscc_rank(t, 5) * 19 + uscc_rank(t, 6) * 26 + uscc_rank(t, 7) * 16 + uscc_rank(t, 8) * 17
    + uscc_rank(t, 9) * 20 + uscc_rank(t, 10) * 29 + uscc_rank(t, 11) * 25 + uscc_rank(t, 12) * 13
    + uscc_rank(t, 13) * 8 + uscc_rank(t, 14) * 24 + uscc_rank(t, 15) * 10 + uscc_rank(t, 16) * 30
    + uscc_rank(t, 17) * 28;

CREATE OR REPLACE MACRO uscc_check_of(t) AS
    ('0123456789ABCDEFGHJKLMNPQRTUWXY')[CAST((31 - uscc_sum(t) % 31) % 31 AS INTEGER) + 1];

CREATE OR REPLACE MACRO uscc_check_character(first17) AS CASE
    WHEN regexp_full_match(first17, '[0-9A-HJ-NP-RTUWXY]{17}') THEN uscc_check_of(first17)
END;

-- The check of the organisation code inside (characters 9 to 17) is left to is_organisation_code.
CREATE OR REPLACE MACRO is_uscc(t) AS CASE
    WHEN regexp_full_match(t, '[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}')
        THEN uscc_check_of(t) = t[18]
    WHEN t IS NOT NULL THEN FALSE
END;

-- GB 11714-1997, organisation code: 8 characters and a check character, modulus 11.
CREATE OR REPLACE MACRO organisation_rank(t, i) AS
    rank_in('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', t[i]);

-- 11 - sum mod 11, written X for 10 and 0 for 11.
CREATE OR REPLACE MACRO organisation_check_of(t) AS ('0X987654321')[CAST((
    organisation_rank(t, 1) * 3 + organisation_rank(t, 2) * 7 + organisation_rank(t, 3) * 9
    + organisation_rank(t, 4) * 10 + organisation_rank(t, 5) * 5 + organisation_rank(t, 6) * 8
    + organisation_rank(t, 7) * 4 + organisation_rank(t, 8) * 2
) % 11 AS INTEGER) + 1];

CREATE OR REPLACE MACRO organisation_check_character(first8) AS CASE
    WHEN regexp_full_match(first8, '[0-9A-Z]{8}') THEN organisation_check_of(first8)
END;

-- With or without the hyphen before the check character.
CREATE OR REPLACE MACRO is_organisation_code(t) AS CASE
    WHEN regexp_full_match(t, '[0-9A-Z]{8}-?[0-9X]')
        THEN organisation_check_of(t) = t[-1]
    WHEN t IS NOT NULL THEN FALSE
END;

-- ISO 7064 MOD 11,10. From P = 10, for each digit: P = ((P + d) mod 10, or 10 for 0) × 2 mod 11;
-- (P + d - 1) mod 10 + 1 is the same with one mention of P, so nesting it does not explode.
CREATE OR REPLACE MACRO mod_11_10_step(p, t, i) AS
    (((p + CAST(t[i] AS INTEGER) - 1) % 10 + 1) * 2) % 11;

-- P after 13 digits, the first of them at `start`.
CREATE OR REPLACE MACRO mod_11_10_of_13(p, t, start) AS mod_11_10_step(mod_11_10_step(
    mod_11_10_step(mod_11_10_step(mod_11_10_step(mod_11_10_step(mod_11_10_step(mod_11_10_step(
    mod_11_10_step(mod_11_10_step(mod_11_10_step(mod_11_10_step(mod_11_10_step(
        p, t, start), t, start + 1), t, start + 2), t, start + 3), t, start + 4), t, start + 5),
        t, start + 6), t, start + 7), t, start + 8), t, start + 9), t, start + 10), t, start + 11),
        t, start + 12);

-- A leading 5 leaves P at 10, so shorter numbers are padded with fives to 14 digits.
CREATE OR REPLACE MACRO mod_11_10_check_digit(digits) AS CASE
    WHEN regexp_full_match(digits, '[0-9]{1,14}') THEN list_transform(
        [lpad(digits, 14, '5')],
        lambda d: CAST((11 - mod_11_10_of_13(mod_11_10_step(10, d, 1), d, 2)) % 10 AS VARCHAR)
    )[1]
END;

-- Food production licence: SC, category (1.. food, 2.. additive), division, serial, check digit.
CREATE OR REPLACE MACRO is_food_licence(t) AS CASE
    WHEN regexp_full_match(t, 'SC[12][0-9]{13}')
        THEN (11 - mod_11_10_of_13(10, t, 3)) % 10 = CAST(t[16] AS INTEGER)
    WHEN t IS NOT NULL THEN FALSE
END;

-- GS1 General Specifications: weights 3, 1, 3, … from the right; zeros in front change nothing.
CREATE OR REPLACE MACRO gtin_sum(t) AS
    3 * (
        CAST(t[1] AS INTEGER) + CAST(t[3] AS INTEGER) + CAST(t[5] AS INTEGER) + CAST(t[7] AS INTEGER)
        + CAST(t[9] AS INTEGER) + CAST(t[11] AS INTEGER) + CAST(t[13] AS INTEGER)
    )
    + CAST(t[2] AS INTEGER) + CAST(t[4] AS INTEGER) + CAST(t[6] AS INTEGER) + CAST(t[8] AS INTEGER)
    + CAST(t[10] AS INTEGER) + CAST(t[12] AS INTEGER);

CREATE OR REPLACE MACRO gtin_check_of(first13) AS (10 - gtin_sum(first13) % 10) % 10;

CREATE OR REPLACE MACRO gtin_check_digit(digits_without_check) AS CASE
    WHEN regexp_full_match(digits_without_check, '[0-9]{7}|[0-9]{11,13}') THEN list_transform(
        [lpad(digits_without_check, 13, '0')], lambda g: CAST(gtin_check_of(g) AS VARCHAR)
    )[1]
END;

CREATE OR REPLACE MACRO is_gtin(t) AS CASE
    WHEN regexp_full_match(t, '[0-9]{8}|[0-9]{12,14}') THEN list_transform(
        [lpad(t, 14, '0')], lambda g: gtin_check_of(g) = CAST(g[14] AS INTEGER)
    )[1]
    WHEN t IS NOT NULL THEN FALSE
END;

-- Sampling number: prefix, year (2), division (6), institution (5), serial (4), optional suffix.
CREATE OR REPLACE MACRO is_sampling_number(t) AS
    regexp_full_match(t, '[A-Z]{2,3}[0-9]{17}[A-Z]{0,2}');

CREATE OR REPLACE MACRO sampling_number_year(t) AS CASE
    WHEN is_sampling_number(t) THEN 2000 + CAST(regexp_extract(t, '^[A-Z]+([0-9]{2})', 1) AS INTEGER)
END;

CREATE OR REPLACE MACRO sampling_number_division(t) AS CASE
    WHEN is_sampling_number(t) THEN regexp_extract(t, '^[A-Z]+[0-9]{2}([0-9]{6})', 1)
END;

-- GB/T 2260 province in front; 6 digits a county, 9 a town or street, 12 a village.
CREATE OR REPLACE MACRO is_division_code(t) AS regexp_full_match(
    t,
    '(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|81|82)[0-9]{4}(?:[0-9]{3}){0,2}'
);
