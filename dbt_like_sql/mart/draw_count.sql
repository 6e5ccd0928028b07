-- Counts of what is measured of the visits of random draws, by the draw's period and risk class;
-- refusals also by the credit class that the firm had on the day of the draw.
--
-- Everything that follows from a draw is counted in the draw's quarter and year. Discoveries are
-- counted by risk class only: classes are drawn with different probabilities, so that their sum
-- would speak for no roster (mart.draw_rate weighs them). Discoveries and refusals come from
-- random draws only.
with visits as (
    select * from fact.draw_visit
),

build as (
    select * from meta.build
),

measured as (
    select
        'drawn_before_visit' as measure,
        drawn_on,
        risk_class,
        credit_class,
        case when inspected_on >= drawn_on then 1 else 0 end as is_met
    from visits
    where inspected_on is not null
    union all
    select
        'two_inspectors' as measure,
        drawn_on,
        risk_class,
        credit_class,
        case when inspectors_came >= 2 then 1 else 0 end as is_met
    from visits
    where inspected_on is not null
    union all
    select
        'inspectors_logged' as measure,
        drawn_on,
        risk_class,
        credit_class,
        case when inspectors_unlogged = 0 then 1 else 0 end as is_met
    from visits
    where inspectors_came > 0
    union all
    select
        'conflicts_replaced' as measure,
        drawn_on,
        risk_class,
        credit_class,
        case when conflicts_broken = 0 then 1 else 0 end as is_met
    from visits
    where conflicts_declared > 0
    union all
    select
        'published_on_time' as measure,
        drawn_on,
        risk_class,
        credit_class,
        case when publication_status = 'on_time' then 1 else 0 end as is_met
    from visits
    where publication_status in ('on_time', 'late', 'open_overdue')
    union all
    select
        'refused' as measure,
        drawn_on,
        risk_class,
        credit_class,
        case when replacement_reason = 'refused' or finding = 'refused' then 1 else 0 end as is_met
    from visits
    where is_random and (inspected_on is not null or replacement_reason is not null)
    union all
    select
        'discovered' as measure,
        drawn_on,
        risk_class,
        credit_class,
        case when finding = 'problem' then 1 else 0 end as is_met
    from visits
    where is_random and finding in ('none', 'problem')
),

dated as (
    select
        measure,
        risk_class,
        credit_class,
        is_met,
        cast(extract(year from drawn_on) as varchar) as year,
        cast(extract(year from drawn_on) as varchar)
        || 'Q' || cast(extract(quarter from drawn_on) as varchar) as quarter
    from measured
),

by_period as (
    select
        measure,
        risk_class,
        credit_class,
        is_met,
        'year' as period_type,
        year as period
    from dated
    union all
    select
        measure,
        risk_class,
        credit_class,
        is_met,
        'quarter' as period_type,
        quarter as period
    from dated
),

by_class as (
    select
        measure,
        period_type,
        period,
        coalesce(risk_class, 'UNSTATED') as risk_class,
        'ALL' as credit_class,
        is_met
    from by_period
    union all
    select
        measure,
        period_type,
        period,
        'ALL' as risk_class,
        'ALL' as credit_class,
        is_met
    from by_period
    where measure <> 'discovered'
    union all
    select
        measure,
        period_type,
        period,
        'ALL' as risk_class,
        credit_class,
        is_met
    from by_period
    where measure = 'refused'
),

counts as (
    select
        measure,
        period_type,
        period,
        risk_class,
        credit_class,
        sum(is_met) as numerator,
        count(*) as denominator
    from by_class
    group by 1, 2, 3, 4, 5
),

draw_counts as (
    select
        counts.measure,
        counts.period_type,
        counts.period,
        counts.risk_class,
        counts.credit_class,
        counts.numerator,
        counts.denominator,
        build.as_of
    from counts
    cross join build
)

select * from draw_counts
