-- How completely samples can be traced, and how long it took where somebody traced them.
--
-- A sample is complete with a supplier (or a producer, where it was taken at the producer's), a
-- batch or day of production, and a trace code. A source that never states a supplier or a trace
-- code does not record traces, which is told apart from samples that cannot be traced. Where only
-- days are known, a trace is timed from midnight to midnight.
with marks as (
    select * from counts.trace_mark
),

samples as (
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

recording_sources as (
    select
        source_id,
        sum(stating_trace) > 0 as records_traces
    from marks
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

-- Cells as in counts.trace_mark.
traced as (
    select
        samples.source_id,
        samples.domain,
        samples.programme,
        samples.sampling_basis,
        coalesce(samples.link, 'UNSTATED') as link,
        coalesce(
            cast(
                extract(
                    year from
                    coalesce(samples.sampled_on, samples.reported_on, samples.published_on)
                ) as varchar
            ),
            'UNKNOWN'
        ) as period,
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
    from samples
    inner join first_asked
        on samples.sample_no = first_asked.sample_no
),

times as (
    select
        source_id,
        domain,
        programme,
        sampling_basis,
        link,
        period,
        count(*) as traces_asked,
        count(hours) as traces_answered,
        median(hours) as median_hours_to_trace,
        max(hours) as longest_hours_to_trace
    from traced
    group by 1, 2, 3, 4, 5, 6
),

traceabilities as (
    select
        marks.source_id,
        marks.domain,
        marks.programme,
        marks.sampling_basis,
        marks.link,
        marks.period,
        recording_sources.records_traces,
        marks.samples,
        marks.with_supplier,
        marks.with_batch,
        marks.with_trace_code,
        marks.complete as numerator,
        marks.samples as denominator,
        case
            when recording_sources.records_traces
                then cast(marks.complete as double) / nullif(marks.samples, 0)
        end as complete_rate,
        coalesce(times.traces_asked, 0) as traces_asked,
        coalesce(times.traces_answered, 0) as traces_answered,
        times.median_hours_to_trace,
        times.longest_hours_to_trace,
        build.as_of
    from marks
    inner join recording_sources
        on marks.source_id = recording_sources.source_id
    left join times
        on
            marks.source_id = times.source_id
            and marks.domain = times.domain
            and marks.programme = times.programme
            and marks.sampling_basis = times.sampling_basis
            and marks.link = times.link
            and marks.period = times.period
    cross join build
)

select * from traceabilities
