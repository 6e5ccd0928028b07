-- The latest version of each answer of a survey.
with versions as (
    select * from core.survey_response
),

highest_versions as (
    select
        source_id,
        response_no,
        question_code,
        max(version) as version
    from versions
    group by source_id, response_no, question_code
),

latest_versions as (
    select versions.*
    from versions
    inner join highest_versions
        on
            versions.source_id = highest_versions.source_id
            and versions.response_no = highest_versions.response_no
            and versions.question_code = highest_versions.question_code
            and versions.version = highest_versions.version
)

select * from latest_versions
