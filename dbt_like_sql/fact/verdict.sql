-- One row per inspected unit with the verdict that counts and what it rests on.
--
-- Verdicts are ranked: fail, method_inadequate, undecided, conditional, pass. The worst result
-- decides, and a result with a limit but no verdict leaves a sample undecided unless another fails.
-- A confirmed detection of a banned substance fails the sample whatever was reported.
-- Units are counted on the first day known of: sampled, reported, published. Every attempt of an
-- acceptance is a unit of its own; which one counts, ref.unit_kind and the definitions say.
with samples as (
    select * from latest.sample
),

results as (
    select * from latest.test_result
),

banned_detections as (
    select * from fact.banned_detection
    where is_confirmed
),

inspections as (
    select * from latest.site_inspection
),

acceptances as (
    select * from latest.acceptance
),

judged_results as (
    select
        source_id,
        sample_no,
        verdict is not null as is_reported,
        limit_text is not null as has_limit,
        derived_verdict,
        coalesce(verdict, derived_verdict) as result_verdict
    from results
),

ranked_results as (
    select
        source_id,
        sample_no,
        is_reported,
        case
            when derived_verdict = 'fail' then 4
            when derived_verdict = 'method_inadequate' then 3
            when derived_verdict is null and has_limit then 2
            when derived_verdict = 'conditional' then 1
            when derived_verdict = 'pass' then 0
        end as derived_rank,
        case
            when result_verdict = 'fail' then 4
            when result_verdict = 'method_inadequate' then 3
            when result_verdict is null and has_limit then 2
            when result_verdict = 'conditional' then 1
            when result_verdict = 'pass' then 0
        end as result_rank
    from judged_results
),

worst_results as (
    select
        source_id,
        sample_no,
        count(*) as results,
        count(*) filter (where is_reported) > 0 as has_reported_results,
        max(derived_rank) as derived_rank,
        max(result_rank) as result_rank
    from ranked_results
    group by source_id, sample_no
),

banned_samples as (
    select distinct
        source_id,
        sample_no
    from banned_detections
),

-- Ranks become words only here: what is joined stays narrow.
judged_samples as (
    select
        samples.source_id,
        samples.sample_no,
        samples.original_sample_no,
        coalesce(samples.original_source_id, samples.source_id) as original_source_id,
        samples.domain,
        samples.programme,
        samples.sampling_basis,
        samples.coverage,
        coalesce(samples.sampled_on, samples.reported_on, samples.published_on) as counted_on,
        case
            when samples.sampled_on is not null then 'sampled_on'
            when samples.reported_on is not null then 'reported_on'
            when samples.published_on is not null then 'published_on'
        end as date_basis,
        coalesce(samples.reported_on, samples.published_on, samples.received_on) as concluded_on,
        samples.division_code,
        samples.product_name,
        samples.product_category,
        samples.industry_code,
        samples.link,
        samples.entity_name,
        samples.entity_uscc,
        samples.producer_name,
        samples.producer_uscc,
        samples.supplier_name,
        samples.supplier_uscc,
        samples.stratum,
        samples.inclusion_probability,
        coalesce(worst_results.results, 0) as results,
        samples.verdict as reported_verdict,
        case
            when banned_samples.sample_no is not null then 'fail'
            when worst_results.derived_rank = 4 then 'fail'
            when worst_results.derived_rank = 3 then 'method_inadequate'
            when worst_results.derived_rank = 1 then 'conditional'
            when worst_results.derived_rank = 0 then 'pass'
        end as derived_verdict,
        case
            when banned_samples.sample_no is not null then 'fail'
            when samples.verdict is not null then samples.verdict
            when worst_results.result_rank = 4 then 'fail'
            when worst_results.result_rank = 3 then 'method_inadequate'
            when worst_results.result_rank = 1 then 'conditional'
            when worst_results.result_rank = 0 then 'pass'
        end as first_verdict,
        case
            when samples.verdict = 'fail' then 'reported'
            when banned_samples.sample_no is not null then 'banned_substance'
            when samples.verdict is not null then 'reported'
            when coalesce(worst_results.result_rank, 2) = 2 then null
            when worst_results.has_reported_results then 'results'
            else 'derived'
        end as first_basis,
        samples.sampling_basis = 'recheck' as is_recheck,
        case when samples.sampling_basis <> 'recheck' then samples.sample_no end as rechecked_no,
        samples.delivery_id,
        samples.received_on,
        samples.source_sheet,
        samples.source_row
    from samples
    left join worst_results
        on
            samples.source_id = worst_results.source_id
            and samples.sample_no = worst_results.sample_no
    left join banned_samples
        on
            samples.source_id = banned_samples.source_id
            and samples.sample_no = banned_samples.sample_no
),

last_rechecks as (
    select
        original_source_id,
        original_sample_no,
        sample_no as recheck_no,
        first_verdict as recheck_verdict
    from judged_samples
    where is_recheck and first_verdict is not null and original_sample_no is not null
    qualify
        row_number() over (
            partition by original_source_id, original_sample_no
            order by concluded_on desc, received_on desc, sample_no desc, source_id desc
        ) = 1
),

sample_units as (
    select
        'sample' as unit_kind,
        judged_samples.source_id,
        judged_samples.sample_no as unit_no,
        cast(null as bigint) as attempt,
        judged_samples.domain,
        judged_samples.programme,
        judged_samples.sampling_basis,
        judged_samples.coverage,
        judged_samples.counted_on,
        judged_samples.date_basis,
        judged_samples.division_code,
        judged_samples.product_name,
        judged_samples.product_category,
        judged_samples.industry_code,
        judged_samples.link,
        judged_samples.entity_name,
        judged_samples.entity_uscc,
        judged_samples.producer_name,
        judged_samples.producer_uscc,
        judged_samples.supplier_name,
        judged_samples.supplier_uscc,
        cast(null as boolean) as supervised,
        judged_samples.stratum,
        judged_samples.inclusion_probability,
        judged_samples.results,
        judged_samples.reported_verdict,
        judged_samples.derived_verdict,
        coalesce(last_rechecks.recheck_verdict, judged_samples.first_verdict) as final_verdict,
        case
            when last_rechecks.recheck_verdict is not null then 'recheck'
            else judged_samples.first_basis
        end as verdict_basis,
        last_rechecks.recheck_no,
        judged_samples.is_recheck,
        judged_samples.delivery_id,
        judged_samples.received_on,
        judged_samples.source_sheet,
        judged_samples.source_row
    from judged_samples
    left join last_rechecks
        on
            judged_samples.source_id = last_rechecks.original_source_id
            and judged_samples.rechecked_no = last_rechecks.original_sample_no
),

inspection_units as (
    select
        'site_inspection' as unit_kind,
        source_id,
        inspection_no as unit_no,
        cast(null as bigint) as attempt,
        domain,
        programme,
        sampling_basis,
        coverage,
        inspected_on as counted_on,
        case when inspected_on is not null then 'inspected_on' end as date_basis,
        division_code,
        cast(null as varchar) as product_name,
        facility_type as product_category,
        cast(null as varchar) as industry_code,
        cast(null as varchar) as link,
        entity_name,
        entity_uscc,
        cast(null as varchar) as producer_name,
        cast(null as varchar) as producer_uscc,
        cast(null as varchar) as supplier_name,
        cast(null as varchar) as supplier_uscc,
        cast(null as boolean) as supervised,
        cast(null as varchar) as stratum,
        cast(null as double) as inclusion_probability,
        cast(null as bigint) as results,
        verdict as reported_verdict,
        cast(null as varchar) as derived_verdict,
        verdict as final_verdict,
        case when verdict is not null then 'reported' end as verdict_basis,
        cast(null as varchar) as recheck_no,
        sampling_basis = 'recheck' as is_recheck,
        delivery_id,
        received_on,
        source_sheet,
        source_row
    from inspections
),

acceptance_units as (
    select
        'acceptance' as unit_kind,
        source_id,
        project_no || '/' || cast(attempt as varchar) as unit_no,
        attempt,
        domain,
        programme,
        sampling_basis,
        coverage,
        accepted_on as counted_on,
        case when accepted_on is not null then 'accepted_on' end as date_basis,
        division_code,
        cast(null as varchar) as product_name,
        project_category as product_category,
        cast(null as varchar) as industry_code,
        cast(null as varchar) as link,
        entity_name,
        entity_uscc,
        cast(null as varchar) as producer_name,
        cast(null as varchar) as producer_uscc,
        cast(null as varchar) as supplier_name,
        cast(null as varchar) as supplier_uscc,
        supervised,
        cast(null as varchar) as stratum,
        cast(null as double) as inclusion_probability,
        cast(null as bigint) as results,
        verdict as reported_verdict,
        cast(null as varchar) as derived_verdict,
        verdict as final_verdict,
        case when verdict is not null then 'reported' end as verdict_basis,
        cast(null as varchar) as recheck_no,
        sampling_basis = 'recheck' as is_recheck,
        delivery_id,
        received_on,
        source_sheet,
        source_row
    from acceptances
),

units as (
    select * from sample_units
    union all
    select * from inspection_units
    union all
    select * from acceptance_units
),

verdicts as (
    select
        unit_kind,
        source_id,
        unit_no,
        attempt,
        domain,
        programme,
        sampling_basis,
        coalesce(coverage, 'UNSTATED') as coverage,
        counted_on,
        date_basis,
        coalesce(division_code, 'UNKNOWN') as division_code,
        product_name,
        coalesce(product_category, 'UNSTATED') as product_category,
        industry_code,
        link,
        entity_name,
        entity_uscc,
        producer_name,
        producer_uscc,
        supplier_name,
        supplier_uscc,
        supervised,
        stratum,
        inclusion_probability,
        results,
        reported_verdict,
        derived_verdict,
        final_verdict,
        verdict_basis,
        recheck_no,
        coalesce(is_recheck, false) as is_recheck,
        coalesce(
            derived_verdict in ('pass', 'conditional', 'fail')
            and reported_verdict in ('pass', 'conditional', 'fail')
            and (derived_verdict = 'fail') <> (reported_verdict = 'fail'),
            false
        ) as verdict_disagrees,
        delivery_id,
        received_on,
        source_sheet,
        source_row
    from units
)

select * from verdicts
