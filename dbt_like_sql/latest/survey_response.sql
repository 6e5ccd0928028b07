-- The latest version of each answer of a survey.
with versions as (
    select * from core.survey_response
),

later_versions as (
    select
        source_id,
        response_no,
        question_code,
        max(version) as version
    from versions
    where version > 1
    group by source_id, response_no, question_code
),

latest_versions as (
    select versions.*
    from versions
    left join later_versions
        on
            versions.source_id = later_versions.source_id
            and versions.response_no = later_versions.response_no
            and versions.question_code = later_versions.question_code
    where later_versions.version is null or later_versions.version = versions.version
)

select * from latest_versions
