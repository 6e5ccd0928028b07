-- How each clock was kept, by the period in which cases were due, and by town.
--
-- Withdrawn and merged cases leave; open cases past their due day stay in the denominator. Rights
-- that were not used are no failure of anybody and stand apart.
with clocks as (
    select * from fact.case_clock
),

units as (
    select
        source_id,
        unit_no,
        final_verdict
    from fact.unit_case_clock
),

judged as (
    select
        clocks.*,
        units.final_verdict,
        cast(extract(year from clocks.due_on) as varchar) as year,
        cast(extract(quarter from clocks.due_on) as varchar) as quarter_number,
        lpad(cast(extract(month from clocks.due_on) as varchar), 2, '0') as month_number
    from clocks
    inner join units
        on
            clocks.source_id = units.source_id
            and clocks.case_no || '/' || clocks.clock_id = units.unit_no
),

dated as (
    select
        *,
        coalesce(year, 'UNDATED') as due_year,
        coalesce(year || 'Q' || quarter_number, 'UNDATED') as due_quarter,
        coalesce(year || '-' || month_number, 'UNDATED') as due_month
    from judged
),

rolled_up as (
    select
        clock_id,
        case_type,
        domain,
        case
            when grouping(due_month) = 0 then 'month'
            when grouping(due_quarter) = 0 then 'quarter'
            when grouping(due_year) = 0 then 'year'
            else 'all'
        end as period_type,
        case
            when grouping(due_month) = 0 then due_month
            when grouping(due_quarter) = 0 then due_quarter
            when grouping(due_year) = 0 then due_year
            else 'all'
        end as period,
        case when grouping(division_code) = 0 then division_code else 'ALL' end as division_code,
        count(*) filter (where final_verdict is not null) as due,
        count(*) filter (where final_verdict = 'pass') as on_time,
        count(*) filter (where final_verdict is not null and status = 'late') as late,
        count(*) filter (where final_verdict is not null and status = 'too_early') as too_early,
        count(*) filter (where status = 'open_overdue') as open_overdue,
        count(*) filter (
            where final_verdict is null and status not in ('excluded', 'not_judged', 'not_used')
        ) as not_due,
        count(*) filter (where status = 'not_used') as not_used,
        count(*) filter (where status = 'excluded') as excluded,
        count(*) filter (where status = 'not_judged') as not_judged,
        count(*) filter (where extension_kind <> 'none') as extended,
        max(days_over) filter (where final_verdict = 'fail') as longest_days_over,
        min(basis) as basis,
        min(case when is_verified then 1 else 0 end) as verified,
        min(case when calendar_is_verified then 1 when not calendar_is_verified then 0 end)
            as calendar_verified,
        min(as_of) as as_of
    from dated
    group by
        clock_id,
        case_type,
        domain,
        grouping sets ((), (due_year), (due_year, due_quarter), (due_year, due_quarter, due_month)),
        grouping sets ((), (division_code))
),

ontime as (
    select
        clock_id,
        case_type,
        domain,
        period_type,
        period,
        division_code,
        due,
        on_time,
        late,
        too_early,
        open_overdue,
        not_due,
        not_used,
        excluded,
        not_judged,
        extended,
        cast(on_time as double) / nullif(cast(due as double), 0) as rate,
        longest_days_over,
        basis,
        verified = 1 as is_verified,
        calendar_verified = 1 as calendar_is_verified,
        as_of
    from rolled_up
)

select * from ontime
