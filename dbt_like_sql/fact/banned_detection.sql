-- Detections of substances that were banned for use on what was sampled, on the day that decides.
--
-- The day is that of production where the label states it, else that of sampling, else that of the
-- report. A detection is a value found at or above the detection limit, "above" a value, found
-- without a number, or reported as failing without any result. It is confirmed unless its method is
-- a screening. Bans on production or sale alone say nothing about residues. Where several bans
-- hold, a verified and specific one is named.
--
-- A name is matched as a whole, without its brackets or by what stands between these: of several
-- names that are listed, the first. What a product is, its category says; its name does where the
-- category leaves that open or is not known at all.
with samples as (
    select * from latest.sample
),

results as (
    select * from latest.test_result
),

bans as (
    select * from ref.banned_substance
    where act = 'use'
),

names as (
    select * from ref.banned_substance_name
),

matrix_terms as (
    select * from ref.matrix_term
),

screening_methods as (
    select * from ref.screening_method
),

reported_names as (
    select distinct
        parameter_name,
        '|' || regexp_replace(trim(parameter_name), '\s*[()（）\[\]【】]\s*', '|', 'g') || '|' as parts
    from results
),

substances as (
    select
        reported_names.parameter_name,
        names.substance
    from reported_names
    inner join names
        on reported_names.parts like '%|' || names.parameter_name || '|%'
    qualify
        row_number() over (
            partition by reported_names.parameter_name
            order by
                length(split_part(reported_names.parts, '|' || names.parameter_name || '|', 1)),
                names.substance
        ) = 1
),

judged_results as (
    select
        results.*,
        substances.substance,
        case
            when results.qualifier in ('>', 'DETECTED') then 'found'
            when
                results.qualifier = '='
                and results.value > 0
                and results.value >= coalesce(results.lod, 0)
                then 'value'
            when results.qualifier is null and results.value is null and results.verdict = 'fail'
                then 'reported_fail'
        end as detection_basis
    from results
    inner join substances
        on results.parameter_name = substances.parameter_name
),

found_substances as (
    select * from judged_results
    where detection_basis is not null
),

screening_names as (
    select distinct found_substances.method
    from found_substances
    inner join screening_methods
        on found_substances.method like '%' || screening_methods.code || '%'
),

detections as (
    select
        found_substances.*,
        screening_names.method is null as is_confirmed,
        samples.domain,
        samples.programme,
        samples.sampling_basis,
        samples.product_name,
        samples.product_category,
        samples.division_code,
        samples.entity_name,
        samples.entity_uscc,
        samples.verdict as sample_verdict,
        coalesce(
            samples.produced_on, samples.sampled_on, samples.reported_on, samples.published_on
        ) as relevant_on,
        case
            when samples.produced_on is not null then 'produced_on'
            when samples.sampled_on is not null then 'sampled_on'
            when samples.reported_on is not null then 'reported_on'
            when samples.published_on is not null then 'published_on'
        end as date_basis
    from found_substances
    inner join samples
        on
            found_substances.source_id = samples.source_id
            and found_substances.sample_no = samples.sample_no
    left join screening_names
        on found_substances.method = screening_names.method
    where samples.domain in ('agri', 'food')
),

products as (
    select distinct
        product_category,
        product_name
    from detections
),

product_matrices as (
    select
        coalesce(products.product_category, '') as product_category,
        coalesce(products.product_name, '') as product_name,
        matrix_terms.matrix,
        min(matrix_terms.column_name) as matrix_basis
    from products
    inner join matrix_terms
        on
            (
                matrix_terms.column_name = 'product_category'
                and products.product_category like '%' || matrix_terms.term || '%'
            )
            or (
                matrix_terms.column_name = 'product_name'
                and products.product_name like '%' || matrix_terms.term || '%'
                and (
                    matrix_terms.within_category is null
                    or products.product_category is null
                    or products.product_category like '%' || matrix_terms.within_category || '%'
                )
            )
    group by 1, 2, 3
),

banned as (
    select
        detections.*,
        bans.matrix,
        product_matrices.matrix_basis,
        bans.substance_kind,
        bans.banned_from,
        bans.notice,
        bans.is_verified
    from detections
    inner join bans
        on
            detections.substance = bans.substance
            and detections.relevant_on >= bans.banned_from
            and (bans.banned_to is null or detections.relevant_on < bans.banned_to)
    left join product_matrices
        on
            coalesce(detections.product_category, '') = product_matrices.product_category
            and coalesce(detections.product_name, '') = product_matrices.product_name
            and bans.matrix = product_matrices.matrix
    where bans.matrix = 'any' or product_matrices.matrix is not null
),

banned_detections as (
    select
        source_id,
        sample_no,
        parameter_code,
        seq,
        substance,
        substance_kind,
        matrix,
        matrix_basis,
        notice,
        banned_from,
        is_verified,
        detection_basis,
        is_confirmed,
        relevant_on,
        date_basis,
        domain,
        programme,
        sampling_basis,
        product_name,
        product_category,
        division_code,
        entity_name,
        entity_uscc,
        parameter_name,
        result_text,
        qualifier,
        value,
        unit,
        limit_text,
        method,
        coalesce(verdict, sample_verdict) as reported_verdict,
        version,
        delivery_id,
        received_on,
        source_sheet,
        source_row
    from banned
    qualify
        row_number() over (
            partition by source_id, sample_no, parameter_code, seq
            order by
                case when is_verified then 0 else 1 end,
                case when matrix = 'any' then 1 else 0 end,
                banned_from,
                matrix,
                substance
        ) = 1
)

select * from banned_detections
