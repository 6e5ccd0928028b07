-- How completely samples can be traced, and how long it took where somebody traced them.
--
-- A sample is complete with a supplier (or a producer, where it was taken at the producer's), a
-- batch or day of production, and a trace code. A source that never states a supplier or a trace
-- code does not record traces, which is told apart from samples that cannot be traced. Where only
-- days are known, a trace is timed from midnight to midnight.
with samples as (
    select * from latest.sample
    where domain in ('agri', 'food') and sampling_basis <> 'recheck'
),

case_events as (
    select * from latest.case_event
    where case_type = 'trace'
),

build as (
    select * from meta.build
),

described as (
    select
        source_id,
        sample_no,
        domain,
        programme,
        sampling_basis,
        coalesce(link, 'UNSTATED') as link,
        coalesce(
            cast(extract(year from coalesce(sampled_on, reported_on, published_on)) as varchar),
            'UNKNOWN'
        ) as period,
        case
            when supplier_name is not null or supplier_uscc is not null then 1
            when link = 'production' and coalesce(producer_name, entity_name) is not null then 1
            else 0
        end as has_supplier,
        case when batch_no is not null or produced_on is not null then 1 else 0 end as has_batch,
        case when trace_code is not null then 1 else 0 end as has_trace_code,
        case
            when supplier_name is not null or supplier_uscc is not null or trace_code is not null
                then 1
            else 0
        end as states_trace
    from samples
),

recording_sources as (
    select
        source_id,
        max(states_trace) = 1 as records_traces
    from described
    group by source_id
),

asked as (
    select
        source_id,
        case_no,
        min(related_case_no) as sample_no,
        min(coalesce(occurred_at, cast(occurred_on as timestamp))) filter (
            where event_type = 'trace_requested'
        ) as requested_at,
        min(coalesce(occurred_at, cast(occurred_on as timestamp))) filter (
            where event_type = 'source_found'
        ) as found_at
    from case_events
    group by source_id, case_no
),

first_asked as (
    select
        sample_no,
        requested_at,
        found_at
    from asked
    where sample_no is not null and requested_at is not null
    qualify
        row_number() over (
            partition by sample_no order by requested_at, source_id, case_no
        ) = 1
),

traced as (
    select
        described.*,
        case when first_asked.sample_no is not null then 1 else 0 end as is_asked,
        case
            when first_asked.found_at >= first_asked.requested_at
                then
                    24.0 * date_diff(
                        'day',
                        cast(first_asked.requested_at as date),
                        cast(first_asked.found_at as date)
                    )
                    + extract(hour from first_asked.found_at)
                    - extract(hour from first_asked.requested_at)
                    + (
                        extract(minute from first_asked.found_at)
                        - extract(minute from first_asked.requested_at)
                    ) / 60.0
        end as hours
    from described
    left join first_asked
        on described.sample_no = first_asked.sample_no
),

counts as (
    select
        source_id,
        domain,
        programme,
        sampling_basis,
        link,
        period,
        count(*) as samples,
        sum(has_supplier) as with_supplier,
        sum(has_batch) as with_batch,
        sum(has_trace_code) as with_trace_code,
        sum(has_supplier * has_batch * has_trace_code) as complete,
        sum(is_asked) as traces_asked,
        count(hours) as traces_answered,
        median(hours) as median_hours_to_trace,
        max(hours) as longest_hours_to_trace
    from traced
    group by 1, 2, 3, 4, 5, 6
),

traceabilities as (
    select
        counts.source_id,
        counts.domain,
        counts.programme,
        counts.sampling_basis,
        counts.link,
        counts.period,
        recording_sources.records_traces,
        counts.samples,
        counts.with_supplier,
        counts.with_batch,
        counts.with_trace_code,
        counts.complete as numerator,
        counts.samples as denominator,
        case
            when recording_sources.records_traces
                then cast(counts.complete as double) / nullif(counts.samples, 0)
        end as complete_rate,
        counts.traces_asked,
        counts.traces_answered,
        counts.median_hours_to_trace,
        counts.longest_hours_to_trace,
        build.as_of
    from counts
    inner join recording_sources
        on counts.source_id = recording_sources.source_id
    cross join build
)

select * from traceabilities
