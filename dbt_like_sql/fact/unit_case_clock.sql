-- One row per clock of a case, as a unit that indicators count: on the day on which it is due.
--
-- In time passes, late and overdue fail. What is not due yet has no verdict, also where it is done
-- already, so that the rate of a running period speaks of the cases due so far.
with clocks as (
    select * from fact.case_clock
),

cases as (
    select
        source_id,
        case_no,
        coverage,
        entity_uscc
    from fact.case_state
),

described as (
    select
        clocks.*,
        cases.coverage,
        case
            when clocks.status = 'excluded' then clocks.exclusion_reason
            when clocks.status in ('not_judged', 'not_used') then clocks.status
            when clocks.due_on > clocks.as_of or clocks.status = 'open_in_time' then 'not_due'
        end as trait
    from clocks
    inner join cases
        on
            clocks.source_id = cases.source_id
            and clocks.case_no = cases.case_no
),

units as (
    select
        'case_clock' as unit_kind,
        source_id,
        case_no || '/' || clock_id as unit_no,
        domain,
        case_type as programme,
        'census' as sampling_basis,
        coverage,
        due_on as counted_on,
        division_code,
        clock_id as product_category,
        'UNSTATED' as industry_division,
        'UNSTATED' as link,
        entity_uscc,
        entity_uscc as firm_uscc,
        cast(null as boolean) as supervised,
        trait,
        1 as size,
        cast(null as varchar) as assessed_period,
        case
            when trait is not null then null
            when status = 'on_time' then 'pass'
            else 'fail'
        end as final_verdict,
        'reported' as verdict_basis,
        cast(null as varchar) as recheck_no,
        false as is_recheck,
        delivery_id,
        received_on,
        source_sheet,
        source_row
    from described
)

select * from units
