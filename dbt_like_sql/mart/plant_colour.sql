-- The history of each concrete plant's colour: what it was before, and whether it went up or down.
--
-- A colour is compared with that of the last quarter in which the plant was rated.
with ratings as (
    select * from fact.plant_rating
),

build as (
    select * from meta.build
),

compared as (
    select
        ratings.*,
        lag(ratings.quarter) over (
            partition by ratings.source_id, ratings.plant_no order by ratings.quarter_start
        ) as previous_quarter,
        lag(ratings.colour)
            over (partition by ratings.source_id, ratings.plant_no order by ratings.quarter_start)
            as previous_colour,
        lag(ratings.colour_rank) over (
            partition by ratings.source_id, ratings.plant_no order by ratings.quarter_start
        ) as previous_rank,
        lag(ratings.rule_version) over (
            partition by ratings.source_id, ratings.plant_no order by ratings.quarter_start
        ) as previous_rule,
        max(ratings.quarter_start) over (partition by ratings.source_id, ratings.plant_no)
        = ratings.quarter_start as is_current
    from ratings
    where ratings.colour is not null
),

plant_colours as (
    select
        compared.source_id,
        compared.plant_no,
        compared.quarter,
        compared.plant_name,
        compared.entity_uscc,
        compared.division_code,
        compared.score,
        compared.colour,
        compared.vetoes,
        compared.rule_version,
        compared.rule_is_verified,
        compared.previous_quarter,
        compared.previous_colour,
        case
            when compared.previous_rank is null then 'first'
            when compared.colour_rank > compared.previous_rank then 'downgraded'
            when compared.colour_rank < compared.previous_rank then 'upgraded'
            else 'same'
        end as change,
        coalesce(compared.rule_version <> compared.previous_rule, false) as is_rule_changed,
        compared.is_current,
        compared.received_on,
        build.as_of
    from compared
    cross join build
)

select * from plant_colours
