"""Pairs of failing samples along a chain of supply, from the samples as they were drawn."""

import polars as pl


def chain_pairs(samples: pl.DataFrame, failing: pl.DataFrame, *, in_chain: bool) -> pl.DataFrame:
    """Failing samples of a firm, and failing samples of one that it supplies, up to 180 days on.

    Outside of industrial chains only where they are one sample, where the papers of the sample
    downstream name the firm upstream, or where both are of one `category`.
    """
    links = (
        samples.filter(pl.col("supplier_uscc").is_not_null())
        .select(upstream="supplier_uscc", downstream="uscc")
        .unique()
    )
    told = failing.select(
        *("sample_no", "sampled_on", "uscc", "supplier_uscc"),
        category=pl.lit("any") if in_chain else "category",
    )
    behind = pl.concat(
        [
            told.with_columns(upstream="uscc"),
            told.filter(pl.col("supplier_uscc").is_not_null()).with_columns(
                upstream="supplier_uscc"
            ),
        ]
    )
    pairs = (
        links.join(behind, on="upstream")
        .join(told, left_on="downstream", right_on="uscc")
        .with_columns(days=(pl.col("sampled_on_right") - pl.col("sampled_on")).dt.total_days())
    )
    is_tied = (
        (pl.col("sample_no") == pl.col("sample_no_right"))
        | (pl.col("upstream") == pl.col("supplier_uscc_right"))
        | (pl.col("category") == pl.col("category_right"))
    )
    return (
        pairs.filter(pl.col("days").is_between(0, 180) & is_tied)
        .select(
            "upstream",
            "downstream",
            upstream_sample_no="sample_no",
            downstream_sample_no="sample_no_right",
        )
        .sort(pl.all())
    )
