-- What each campaign (专项行动) found, by month and category. Its samples are targeted.
with campaigns as (
    select * from ref.campaign
),

verdicts as (
    select * from fact.verdict
    where unit_kind = 'sample' and not is_recheck
),

samples as (
    select
        source_id,
        sample_no,
        campaign_id,
        entity_uscc,
        entity_name
    from latest.sample
    where campaign_id is not null
),

banned_detections as (
    select * from fact.banned_detection
    where is_confirmed
),

build as (
    select * from meta.build
),

banned_samples as (
    select distinct
        source_id,
        sample_no
    from banned_detections
),

campaign_samples as (
    select
        samples.campaign_id,
        verdicts.domain,
        verdicts.sampling_basis,
        coalesce(
            cast(extract(year from verdicts.counted_on) as varchar) || '-'
            || lpad(cast(extract(month from verdicts.counted_on) as varchar), 2, '0'),
            'UNKNOWN'
        ) as month,
        verdicts.product_category,
        coalesce(samples.entity_uscc, samples.entity_name) as entity,
        case when verdicts.final_verdict in ('pass', 'conditional', 'fail') then 1 else 0 end
            as tested,
        case when verdicts.final_verdict = 'fail' then 1 else 0 end as failed,
        case when banned_samples.sample_no is not null then 1 else 0 end as banned
    from samples
    inner join verdicts
        on
            samples.source_id = verdicts.source_id
            and samples.sample_no = verdicts.unit_no
    left join banned_samples
        on
            samples.source_id = banned_samples.source_id
            and samples.sample_no = banned_samples.sample_no
),

counts as (
    select
        campaign_id,
        domain,
        sampling_basis,
        case when grouping(month) = 1 then 'ALL' else month end as period,
        case
            when grouping(product_category) = 1 then 'ALL' else product_category
        end as product_category,
        count(*) as samples,
        count(distinct entity) as entities,
        sum(tested) as tested,
        sum(failed) as failed,
        sum(banned) as with_banned_substance
    from campaign_samples
    group by
        campaign_id,
        domain,
        sampling_basis,
        grouping sets ((), (month), (product_category), (month, product_category))
),

campaign_results as (
    select
        counts.campaign_id,
        campaigns.name_zh as campaign_name,
        counts.domain,
        counts.sampling_basis,
        counts.period,
        counts.product_category,
        counts.samples,
        counts.entities,
        counts.failed as numerator,
        counts.tested as denominator,
        cast(counts.failed as double) / nullif(counts.tested, 0) as finding_rate,
        counts.with_banned_substance,
        build.as_of
    from counts
    left join campaigns
        on counts.campaign_id = campaigns.campaign_id
    cross join build
)

select * from campaign_results
