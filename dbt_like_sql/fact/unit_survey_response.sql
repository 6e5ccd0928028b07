-- One row per respondent of a wave, as a unit that indicators count: in the year of the wave.
--
-- A year's score is that of its last wave; respondents of earlier waves and those without any
-- answer say so. Who chose to answer is no wave of those who were drawn: each way of sampling has
-- its own last wave. The score itself is mart.survey_score.
with domains as (
    select * from fact.survey_domain
),

respondents as (
    select
        source_id,
        instrument_id,
        wave,
        response_no,
        min(domain) as domain,
        min(programme) as programme,
        min(sampling_basis) as sampling_basis,
        min(coverage) as coverage,
        max(answered_on) as answered_on,
        min(division_code) as division_code,
        sum(answered) as answered,
        min(delivery_id) as delivery_id,
        max(received_on) as received_on,
        min(source_sheet) as source_sheet,
        min(source_row) as source_row
    from domains
    group by 1, 2, 3, 4
),

waves as (
    select
        substr(wave, 1, 4) as year,
        instrument_id,
        wave,
        sampling_basis,
        row_number() over (
            partition by substr(wave, 1, 4), sampling_basis
            order by max(answered_on) desc, wave desc, instrument_id desc
        ) as recency
    from respondents
    group by 1, 2, 3, 4
),

units as (
    select
        'survey_response' as unit_kind,
        respondents.source_id,
        respondents.instrument_id || '/' || respondents.wave || '/'
        || respondents.response_no as unit_no,
        respondents.domain,
        respondents.programme,
        respondents.sampling_basis,
        respondents.coverage,
        respondents.answered_on as counted_on,
        respondents.division_code,
        respondents.instrument_id as product_category,
        'UNSTATED' as industry_division,
        'UNSTATED' as link,
        cast(null as varchar) as entity_uscc,
        cast(null as varchar) as firm_uscc,
        cast(null as boolean) as supervised,
        case
            when waves.recency > 1 then 'earlier_wave'
            when respondents.answered = 0 then 'no_answer'
        end as trait,
        1 as size,
        'year' as assessed_period,
        case when respondents.answered > 0 then 'pass' end as final_verdict,
        'reported' as verdict_basis,
        cast(null as varchar) as recheck_no,
        false as is_recheck,
        respondents.delivery_id,
        respondents.received_on,
        respondents.source_sheet,
        respondents.source_row
    from respondents
    inner join waves
        on
            respondents.instrument_id = waves.instrument_id
            and respondents.wave = waves.wave
            and respondents.sampling_basis = waves.sampling_basis
)

select * from units
