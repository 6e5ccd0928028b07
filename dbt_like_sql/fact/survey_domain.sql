-- One row per respondent and domain of a questionnaire: answers on its scale, counted and added.
--
-- Only integers here; mart.survey_score makes scores of them. An answer off the scale, or to a
-- question that the questionnaire does not have, is left out and counted.
with answers as (
    select * from latest.survey_response
),

instruments as (
    select * from ref.survey_instrument
),

questions as (
    select * from ref.survey_question
),

scaled as (
    select
        answers.*,
        coalesce(questions.survey_domain, 'UNKNOWN') as survey_domain,
        instruments.scale_lowest,
        instruments.scale_highest,
        questions.survey_domain is not null
        and answers.answer between instruments.scale_lowest and instruments.scale_highest
            as is_on_scale
    from answers
    inner join instruments
        on answers.instrument_id = instruments.instrument_id
    left join questions
        on
            answers.instrument_id = questions.instrument_id
            and answers.question_code = questions.question_code
),

survey_domains as (
    select
        source_id,
        response_no,
        instrument_id,
        wave,
        survey_domain,
        min(domain) as domain,
        min(programme) as programme,
        min(sampling_basis) as sampling_basis,
        coalesce(min(coverage), 'UNSTATED') as coverage,
        max(answered_on) as answered_on,
        coalesce(min(stratum), 'ALL') as stratum,
        min(cluster_no) as cluster_no,
        min(design_weight) as design_weight,
        min(stratum_population) as stratum_population,
        min(cluster_population) as cluster_population,
        coalesce(min(division_code), 'UNKNOWN') as division_code,
        min(scale_lowest) as scale_lowest,
        min(scale_highest) as scale_highest,
        count(*) filter (where is_on_scale) as answered,
        count(*) filter (where answer is not null and not is_on_scale) as off_scale,
        cast(coalesce(sum(answer) filter (where is_on_scale), 0) as bigint) as answer_sum,
        min(delivery_id) as delivery_id,
        max(received_on) as received_on,
        min(source_sheet) as source_sheet,
        min(source_row) as source_row
    from scaled
    group by 1, 2, 3, 4, 5
)

select * from survey_domains
