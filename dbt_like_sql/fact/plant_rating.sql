-- One row per concrete plant and quarter: score, colour, the rule and the items that they rest on.
--
-- The rule that holds on the first day of the quarter says which items there are and from which
-- score a colour is given. A plant is rated when every item of the rule is scored within its
-- bounds; an item failed by veto makes it red whatever the score.
with assessments as (
    select * from latest.plant_assessment
),

thresholds as (
    select * from ref.plant_threshold
),

items as (
    select * from ref.plant_item
),

started as (
    select
        *,
        cast(
            split_part(quarter, 'Q', 1) || '-'
            || lpad(
                cast(cast(split_part(quarter, 'Q', 2) as integer) * 3 - 2 as varchar), 2, '0'
            )
            || '-01' as date
        ) as quarter_start
    from assessments
),

rules as (
    select distinct
        rule_version,
        valid_from,
        valid_to
    from thresholds
),

ruled as (
    select
        started.*,
        rules.rule_version
    from started
    left join rules
        on
            started.quarter_start >= rules.valid_from
            and (started.quarter_start < rules.valid_to or rules.valid_to is null)
),

checked as (
    select
        ruled.*,
        items.item_code is not null as is_item,
        coalesce(ruled.points <= items.points_max, false) as is_scored
    from ruled
    left join items
        on
            ruled.rule_version = items.rule_version
            and ruled.item_code = items.item_code
),

expected as (
    select
        rule_version,
        count(*) as items_expected,
        sum(points_max) as points_max
    from items
    group by rule_version
),

scored as (
    select
        source_id,
        plant_no,
        quarter,
        quarter_start,
        rule_version,
        max(plant_name) as plant_name,
        max(entity_uscc) as entity_uscc,
        max(division_code) as division_code,
        max(assessed_on) as assessed_on,
        count(*) filter (where is_scored) as items_scored,
        count(*) filter (where is_item and not is_scored) as items_out_of_bounds,
        count(*) filter (where not is_item) as items_unknown,
        count(*) filter (where is_item and is_veto) as vetoes,
        sum(points) filter (where is_scored) as score,
        max(received_on) as received_on
    from checked
    group by 1, 2, 3, 4, 5
),

complete as (
    select
        scored.*,
        coalesce(expected.items_expected, 0) as items_expected,
        expected.points_max,
        coalesce(scored.items_scored = expected.items_expected, false) as is_complete
    from scored
    left join expected
        on scored.rule_version = expected.rule_version
),

best_ranks as (
    select
        complete.source_id,
        complete.plant_no,
        complete.quarter,
        case
            when complete.vetoes > 0 then max(thresholds.colour_rank)
            else min(thresholds.colour_rank) filter (
                where complete.score >= thresholds.score_from
            )
        end as colour_rank
    from complete
    inner join thresholds
        on complete.rule_version = thresholds.rule_version
    where complete.is_complete
    group by complete.source_id, complete.plant_no, complete.quarter, complete.vetoes
),

plant_ratings as (
    select
        complete.source_id,
        complete.plant_no,
        complete.quarter,
        complete.quarter_start,
        complete.plant_name,
        complete.entity_uscc,
        coalesce(complete.division_code, 'UNKNOWN') as division_code,
        complete.assessed_on,
        complete.rule_version,
        complete.items_expected,
        complete.items_scored,
        complete.items_out_of_bounds,
        complete.items_unknown,
        complete.vetoes,
        case when complete.is_complete then complete.score end as score,
        complete.points_max,
        thresholds.colour,
        thresholds.colour_rank,
        thresholds.is_verified as rule_is_verified,
        complete.received_on
    from complete
    left join best_ranks
        on
            complete.source_id = best_ranks.source_id
            and complete.plant_no = best_ranks.plant_no
            and complete.quarter = best_ranks.quarter
    left join thresholds
        on
            complete.rule_version = thresholds.rule_version
            and best_ranks.colour_rank = thresholds.colour_rank
)

select * from plant_ratings
