-- What becomes of each entry of the ledger in the figure of the target that it is reported for.
--
-- A figure is its latest reported level, if there is one, and what was added and withdrawn after
-- that day. What a target counts (entries, entities, documents, quantities), from when and from
-- what amount on, and whether withdrawals take away, is said by the plan and by ref.accumulation,
-- not here. An entry without a document number is known by its day.
with entries as (
    select * from latest.ledger_entry
),

items as (
    select * from ref.plan_item
),

plans as (
    select * from ref.plan
),

accumulations as (
    select * from ref.accumulation
),

-- From which to which day each target counts.
windows as (
    select
        items.plan_id,
        items.target_id,
        items.item_kind,
        items.entry_rule,
        items.unit_zh,
        items.least_amount,
        items.amount_unit_zh,
        accumulations.takes_withdrawals = 'true' as takes_withdrawals,
        case
            when accumulations.within_period = 'true' then plans.period_start
            else items.counts_from
        end as counts_from,
        plans.period_end
    from items
    inner join plans on items.plan_id = plans.plan_id
    inner join accumulations on items.accumulation = accumulations.code
),

candidates as (
    select
        windows.plan_id,
        windows.target_id,
        windows.item_kind,
        windows.entry_rule,
        windows.takes_withdrawals,
        windows.counts_from,
        windows.period_end,
        windows.least_amount,
        entries.source_id,
        entries.entry_no,
        entries.version,
        entries.entry_kind,
        entries.entity_name,
        entries.entity_uscc,
        entries.document_no,
        entries.issuing_body,
        entries.dated_on,
        entries.reported_by,
        entries.evidence_link,
        entries.delivery_id,
        entries.received_on,
        entries.source_sheet,
        entries.source_row,
        coalesce(entries.quantity, 1) as quantity,
        case
            when entries.unit is null or entries.unit = windows.unit_zh then 1
            when entries.unit = '万' || windows.unit_zh then 10000
        end as unit_factor,
        -- Empty where no amount is stated in a unit that is understood.
        entries.quantity * case
            when entries.unit is null or entries.unit = windows.amount_unit_zh then 1
            when entries.unit = '万' || windows.amount_unit_zh then 10000
            when entries.unit = '亿' || windows.amount_unit_zh then 100000000
        end as amount,
        case windows.entry_rule
            when 'entities'
                then coalesce(upper(entries.entity_uscc), entries.entity_name, entries.document_no)
            when 'documents' then coalesce(entries.document_no, upper(entries.entity_uscc))
            when 'done' then windows.target_id
            else
                coalesce(upper(entries.entity_uscc), '')
                || ' / '
                || coalesce(entries.document_no, cast(entries.dated_on as varchar))
        end as unit_key
    from entries
    inner join windows on entries.target_id = windows.target_id
    where entries.plan_id is null or entries.plan_id = windows.plan_id
),

screened as (
    select
        *,
        case
            when entry_kind = 'void' then 'void'
            when dated_on > period_end or dated_on < counts_from then 'outside_period'
            when entry_rule = 'level' and entry_kind <> 'level' then 'other_kind'
            when entry_rule = 'done' and entry_kind <> 'add' then 'other_kind'
            when
                unit_factor is null and (entry_rule = 'quantity' or entry_kind = 'level')
                then 'other_unit'
            when
                entry_kind = 'add'
                and least_amount is not null
                and coalesce(amount < least_amount, true)
                then 'below_least'
            else 'stands'
        end as screening
    from candidates
),

-- What two sources deliver under one number counts once: as received last.
numbered as (
    select
        *,
        row_number() over (
            partition by plan_id, target_id, entry_no, screening
            order by received_on desc, source_id asc
        ) as source_rank
    from screened
),

standing as (
    select * from numbered
    where screening = 'stands' and source_rank = 1
),

ranked_levels as (
    select
        plan_id,
        target_id,
        source_id,
        entry_no,
        dated_on,
        row_number() over (
            partition by plan_id, target_id
            order by dated_on desc, received_on desc, source_id asc, entry_no asc
        ) as level_rank
    from standing
    where entry_kind = 'level'
),

bases as (
    select
        plan_id,
        target_id,
        dated_on as level_on
    from ranked_levels
    where level_rank = 1
),

movements as (
    select
        standing.plan_id,
        standing.target_id,
        standing.source_id,
        standing.entry_no,
        standing.entry_rule,
        standing.entry_kind,
        standing.takes_withdrawals,
        standing.unit_key,
        standing.dated_on,
        standing.received_on,
        bases.level_on is not null as has_level,
        coalesce(standing.dated_on <= bases.level_on, false) as in_level
    from standing
    left join bases
        on
            standing.plan_id = bases.plan_id
            and standing.target_id = bases.target_id
    where standing.entry_kind <> 'level'
),

-- A unit (firm, certificate, event) comes and goes; before the level and after it, its last
-- movement says whether it is there. On one day it comes before it goes.
steps as (
    select
        plan_id,
        target_id,
        source_id,
        entry_no,
        entry_kind,
        unit_key,
        has_level,
        in_level,
        row_number() over (
            partition by plan_id, target_id, unit_key, in_level
            order by dated_on, entry_kind, received_on, source_id, entry_no
        ) as step,
        count(*) over (partition by plan_id, target_id, unit_key, in_level) as step_count
    from movements
    where entry_rule <> 'quantity' and (entry_kind = 'add' or takes_withdrawals)
),

units_at_level as (
    select
        plan_id,
        target_id,
        unit_key,
        entry_kind as kind_at_level
    from steps
    where in_level and step = step_count
),

first_steps as (
    select
        plan_id,
        target_id,
        unit_key,
        entry_kind as first_kind
    from steps
    where not in_level and step = 1
),

-- A unit that is withdrawn after a level without ever being listed was part of that level.
later_steps as (
    select
        steps.plan_id,
        steps.target_id,
        steps.source_id,
        steps.entry_no,
        steps.entry_kind,
        steps.step,
        steps.step_count,
        case
            when units_at_level.kind_at_level is not null
                then units_at_level.kind_at_level = 'add'
            else steps.has_level and first_steps.first_kind = 'withdraw'
        end as was_there
    from steps
    inner join first_steps
        on
            steps.plan_id = first_steps.plan_id
            and steps.target_id = first_steps.target_id
            and steps.unit_key = first_steps.unit_key
    left join units_at_level
        on
            steps.plan_id = units_at_level.plan_id
            and steps.target_id = units_at_level.target_id
            and steps.unit_key = units_at_level.unit_key
    where not steps.in_level
),

uses as (
    select
        plan_id,
        target_id,
        source_id,
        entry_no,
        case when screening = 'stands' then 'repeated' else screening end as ledger_use
    from numbered
    where screening <> 'stands' or source_rank > 1
    union all
    select
        plan_id,
        target_id,
        source_id,
        entry_no,
        case when level_rank = 1 then 'level' else 'earlier_level' end as ledger_use
    from ranked_levels
    union all
    select
        plan_id,
        target_id,
        source_id,
        entry_no,
        case
            when in_level then 'in_level'
            when entry_kind = 'add' then 'added'
            when takes_withdrawals then 'subtracted'
            else 'not_subtracted'
        end as ledger_use
    from movements
    where
        in_level
        or entry_rule = 'quantity'
        or (entry_kind = 'withdraw' and not takes_withdrawals)
    union all
    select
        plan_id,
        target_id,
        source_id,
        entry_no,
        case
            when step < step_count then 'same_unit'
            when entry_kind = 'add' and was_there then 'same_unit'
            when entry_kind = 'add' then 'added'
            when was_there then 'subtracted'
            when step_count > 1 then 'added_and_withdrawn'
            else 'not_subtracted'
        end as ledger_use
    from later_steps
),

judged as (
    select
        candidates.plan_id,
        candidates.target_id,
        candidates.item_kind,
        candidates.source_id,
        candidates.entry_no,
        candidates.version,
        uses.ledger_use,
        cast(
            case
                when uses.ledger_use = 'level' then candidates.quantity * candidates.unit_factor
                when uses.ledger_use not in ('added', 'subtracted') then 0
                when candidates.entry_rule <> 'quantity' then 1
                else candidates.quantity * candidates.unit_factor
            end
            * case when uses.ledger_use = 'subtracted' then -1 else 1 end
            as decimal(28, 10)
        ) as effect,
        candidates.entry_kind,
        candidates.quantity,
        candidates.unit_key,
        candidates.entity_name,
        candidates.entity_uscc,
        candidates.document_no,
        candidates.issuing_body,
        candidates.dated_on,
        candidates.reported_by,
        candidates.evidence_link,
        candidates.delivery_id,
        candidates.received_on,
        candidates.source_sheet,
        candidates.source_row
    from candidates
    inner join uses
        on
            candidates.plan_id = uses.plan_id
            and candidates.target_id = uses.target_id
            and candidates.source_id = uses.source_id
            and candidates.entry_no = uses.entry_no
)

select * from judged
