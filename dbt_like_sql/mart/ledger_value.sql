-- What the ledger says of each target and milestone of each plan, also of one without entries.
--
-- The value is the sum of what each entry contributes (fact.ledger_use). It is empty, not zero,
-- where no entry stands, because nobody has reported anything yet.
with items as (
    select * from ref.plan_item
),

entries as (
    select * from fact.ledger_use
),

uses as (
    select * from ref.ledger_use
),

build as (
    select * from meta.build
),

told as (
    select
        entries.plan_id,
        entries.target_id,
        entries.ledger_use,
        entries.effect,
        entries.unit_key,
        entries.quantity,
        entries.entry_kind,
        entries.dated_on,
        entries.received_on,
        uses.stands = 'true' as stands
    from entries
    inner join uses on entries.ledger_use = uses.code
),

sums as (
    select
        plan_id,
        target_id,
        sum(effect) as effect,
        count(*) as entries,
        count(*) filter (where stands) as entries_standing,
        count(*) filter (where ledger_use = 'added') as entries_added,
        count(*) filter (where ledger_use = 'subtracted') as entries_subtracted,
        count(*) filter (where ledger_use = 'same_unit') as entries_of_same_unit,
        count(*) filter (where ledger_use = 'outside_period') as entries_outside_period,
        count(*) filter (where ledger_use = 'other_unit') as entries_in_other_unit,
        count(*) filter (where ledger_use = 'other_kind') as entries_of_other_kind,
        count(*) filter (where ledger_use = 'below_least') as entries_below_least,
        count(*) filter (where ledger_use = 'repeated') as entries_repeated,
        count(*) filter (where ledger_use = 'void') as entries_void,
        count(*) filter (
            where ledger_use = 'added' and effect = 1 and quantity <> 1
        ) as quantities_ignored,
        count(
            distinct case when stands and entry_kind = 'add' then unit_key end
        ) as units_reported,
        max(case when ledger_use = 'level' then effect end) as base_level,
        max(case when ledger_use = 'level' then dated_on end) as base_level_on,
        min(case when stands then dated_on end) as first_dated_on,
        max(case when stands then dated_on end) as last_dated_on,
        max(case when stands then received_on end) as last_received_on
    from told
    group by plan_id, target_id
),

figures as (
    select
        items.plan_id,
        items.target_id,
        items.item_kind,
        items.accumulation,
        items.entry_rule,
        case
            when sums.entries_standing > 0 then cast(sums.effect as decimal(28, 10))
        end as value,
        items.unit_zh,
        coalesce(sums.entries_standing > 0, false) as reported,
        coalesce(sums.entries, 0) as entries,
        coalesce(sums.entries_standing, 0) as entries_standing,
        coalesce(sums.entries_added, 0) as entries_added,
        coalesce(sums.entries_subtracted, 0) as entries_subtracted,
        coalesce(sums.entries_of_same_unit, 0) as entries_of_same_unit,
        coalesce(sums.entries_outside_period, 0) as entries_outside_period,
        coalesce(sums.entries_in_other_unit, 0) as entries_in_other_unit,
        coalesce(sums.entries_of_other_kind, 0) as entries_of_other_kind,
        coalesce(sums.entries_below_least, 0) as entries_below_least,
        coalesce(sums.entries_repeated, 0) as entries_repeated,
        coalesce(sums.entries_void, 0) as entries_void,
        case
            when items.least_amount is null then coalesce(sums.quantities_ignored, 0)
            else 0
        end as quantities_ignored,
        coalesce(sums.units_reported, 0) as units_reported,
        sums.base_level,
        sums.base_level_on,
        sums.first_dated_on,
        sums.last_dated_on,
        sums.last_received_on,
        build.as_of
    from items
    cross join build
    left join sums
        on
            items.plan_id = sums.plan_id
            and items.target_id = sums.target_id
)

select * from figures
