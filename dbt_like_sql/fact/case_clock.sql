-- One row per case and clock that has started: due day, what stopped it, and how it stands.
--
-- Working days follow the loaded official calendar: day 1 is the first working day after the
-- trigger, and a period of days or months that ends on a day off ends on the next working day
-- (Civil Code Art. 201, 203). Hours run from the minute of the trigger. A day that the calendar
-- does not hold gives no due day, and so no judgement. An extension counts that was approved
-- before the clock, as extended until then, had run out. Once it has, no later one counts. The
-- calendar of a clock is verified when the years of its trigger and of its due day are.
with clock_runs as (
    select * from fact.clock_run
),

days as (
    select
        day,
        day_no,
        month_no,
        day_of_month,
        is_working_day,
        working_day_no,
        next_working_day,
        verified
    from ref.calendar_day
),

build as (
    select * from meta.build
),

extensions as (
    select * from fact.clock_extension
),

lengthened as (
    select
        *,
        0 as extension_no,
        cast(null as date) as approved_on,
        cast(null as timestamp) as approved_at,
        0 as extension_approved,
        0 as extension_allowed,
        length as total_length
    from clock_runs
    union all
    select
        clock_runs.*,
        extensions.extension_no,
        extensions.approved_on,
        extensions.approved_at,
        extensions.extension_approved,
        extensions.extension_allowed,
        clock_runs.length + extensions.extension_allowed as total_length
    from clock_runs
    inner join extensions
        on
            clock_runs.source_id = extensions.source_id
            and clock_runs.case_no = extensions.case_no
            and clock_runs.clock_id = extensions.clock_id
),

working_days as (
    select
        day,
        working_day_no
    from days
    where is_working_day
),

months as (
    select
        month_no,
        min(day_no) as first_day_no,
        count(*) as days_in_month
    from days
    group by month_no
),

-- Whatever the unit, the due day is the row of the calendar with the right number.
numbered as (
    select
        lengthened.*,
        case
            when lengthened.unit = 'working_day'
                then trigger_days.working_day_no + lengthened.total_length
        end as due_working_day_no,
        case
            when lengthened.unit = 'day' then trigger_days.day_no + lengthened.total_length
            when lengthened.unit = 'month'
                then
                    months.first_day_no
                    + least(trigger_days.day_of_month, months.days_in_month) - 1
        end as due_day_no
    from lengthened
    left join days as trigger_days
        on lengthened.trigger_on = trigger_days.day
    left join months
        on trigger_days.month_no + lengthened.total_length = months.month_no
),

counted as (
    select
        numbered.*,
        case
            when numbered.unit = 'hour'
                then numbered.trigger_at + numbered.total_length * interval 1 hour
        end as due_at,
        case
            when numbered.unit = 'stated' then numbered.stated_due_on
            when numbered.unit = 'working_day' then working_days.day
            when numbered.direction = 'at_least' then due_days.day
            else due_days.next_working_day
        end as due_day
    from numbered
    left join working_days
        on numbered.due_working_day_no = working_days.working_day_no
    left join days as due_days
        on numbered.due_day_no = due_days.day_no
),

dated as (
    select
        source_id,
        case_no,
        clock_id,
        extension_no,
        approved_on,
        approved_at,
        extension_approved,
        extension_allowed,
        due_at,
        coalesce(due_day, cast(due_at as date)) as due_on
    from counted
),

-- Beside each extension, when the clock would have run out without it.
compared as (
    select
        *,
        lag(due_on) over one_clock as due_before,
        lag(due_at) over one_clock as due_at_before
    from dated
    window one_clock as (partition by source_id, case_no, clock_id order by extension_no)
),

timed as (
    select
        *,
        min(
            case when approved_on > due_before or approved_at > due_at_before then extension_no end
        ) over (partition by source_id, case_no, clock_id) as first_too_late_no
    from compared
),

extended as (
    select
        source_id,
        case_no,
        clock_id,
        max(extension_approved) as extension_approved,
        max(extension_no) filter (
            where extension_no < first_too_late_no or first_too_late_no is null
        ) as last_extension_no,
        count(first_too_late_no) > 0 as is_extended_too_late
    from timed
    group by 1, 2, 3
),

due as (
    select
        clock_runs.*,
        first_due.due_on as first_due_on,
        last_due.due_on,
        last_due.due_at,
        coalesce(clock_runs.stated_extension, extended.extension_approved) as extension_approved,
        coalesce(clock_runs.stated_extension, last_due.extension_allowed) as extension_counted,
        extended.is_extended_too_late
    from clock_runs
    inner join extended
        on
            clock_runs.source_id = extended.source_id
            and clock_runs.case_no = extended.case_no
            and clock_runs.clock_id = extended.clock_id
    inner join dated as first_due
        on
            extended.source_id = first_due.source_id
            and extended.case_no = first_due.case_no
            and extended.clock_id = first_due.clock_id
            and first_due.extension_no = 0
    inner join dated as last_due
        on
            extended.source_id = last_due.source_id
            and extended.case_no = last_due.case_no
            and extended.clock_id = last_due.clock_id
            and extended.last_extension_no = last_due.extension_no
),

judged as (
    select
        due.*,
        build.as_of,
        case
            when
                due.unit = 'working_day'
                or (due.unit in ('day', 'month') and due.direction = 'at_most')
                then coalesce(trigger_days.verified and due_days.verified, false)
        end as calendar_is_verified,
        case
            when due.due_on is null and due.unit = 'stated' then 'no_due_day_stated'
            when due.due_on is null and due.unit = 'hour' then 'no_time_of_day'
            when due.due_on is null then 'calendar_not_loaded'
            when due.unit = 'hour' and due.stop_on is not null and due.stop_at is null
                then 'no_time_of_day'
        end as not_judged_reason,
        case
            when due.stop_on is null then null
            when due.unit = 'hour' then due.stop_at <= due.due_at
            when due.direction = 'at_least' then due.stop_on >= due.due_on
            else due.stop_on <= due.due_on
        end as is_kept
    from due
    cross join build
    left join days as trigger_days
        on due.trigger_on = trigger_days.day
    left join days as due_days
        on due.due_on = due_days.day
),

case_clocks as (
    select
        source_id,
        case_no,
        clock_id,
        case_type,
        domain,
        division_code,
        entity_uscc,
        trigger_on,
        trigger_at,
        due_on,
        due_at,
        stop_on,
        stop_at,
        stop_event,
        case
            when exclusion_reason is not null then 'excluded'
            when not_judged_reason is not null then 'not_judged'
            when is_kept then 'on_time'
            when not is_kept and direction = 'at_least' then 'too_early'
            when not is_kept then 'late'
            when due_on >= as_of then 'open_in_time'
            when direction = 'at_least' then 'on_time'
            when holder = 'right' then 'not_used'
            else 'open_overdue'
        end as status,
        not_judged_reason,
        exclusion_reason,
        case
            when direction = 'at_most' and due_on is not null
                then greatest(date_diff('day', due_on, coalesce(stop_on, as_of)), 0)
        end as days_over,
        length,
        unit,
        direction,
        holder,
        first_due_on,
        extension_approved,
        extension_counted,
        case
            when is_extended_too_late or is_stated_too_late then 'too_late'
            when extension_approved = 0 then 'none'
            when unit = 'stated' then 'stated'
            when max_extension is null then 'basis_says_nothing'
            when extension_approved > max_extension then 'capped'
            else 'within_basis'
        end as extension_kind,
        basis,
        is_verified,
        calendar_is_verified,
        delivery_id,
        received_on,
        source_sheet,
        source_row,
        as_of
    from judged
)

select * from case_clocks
