"""Links along the pilot chains: from the demo's workbooks to pairs of nonconformities."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from assets.demo.chain_year import ChainTruth, known_chain_firms, write_chains
from assets.demo.firm_roster import write_firm_roster
from assets.demo.manufactured import manufactured_source
from assets.demo.source_year import build as build_year
from assets.ingest.landing import deliveries
from warehouse.home import Home


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory, build: Callable[..., None]
) -> tuple[Home, ChainTruth]:
    home = Home(tmp_path_factory.mktemp("chains"))
    year = build_year(np.random.default_rng(7), manufactured_source(), 1)
    write_firm_roster(np.random.default_rng(8), home.landing, [year])
    truth = write_chains(home.landing, 9, known_chain_firms(home.landing))
    build(home, None, ("mart.chain_nonconformity",))
    return home, truth


def test_every_row_is_read_and_every_sample_has_its_verdict(
    built: tuple[Home, ChainTruth],
) -> None:
    home, truth = built
    found = deliveries(home).filter(source_id="chain_sampling")
    verdicts = pl.read_parquet(home.model_file("fact.verdict")).filter(unit_kind="sample")

    assert found["rows_used"].sum() == truth.samples.height == 24
    failed = verdicts.filter(final_verdict="fail")["unit_no"].sort().to_list()
    assert failed == truth.samples.filter("failed")["sample_no"].sort().to_list()


def test_links_are_those_of_the_chains_and_of_180_days(built: tuple[Home, ChainTruth]) -> None:
    home, truth = built
    pairs = pl.read_parquet(home.model_file("mart.chain_nonconformity"))
    names = ("upstream_uscc", "downstream_uscc", "upstream_sample_no", "downstream_sample_no")

    assert pairs.select(names).sort(pl.all()).rows() == truth.pairs.rows()
    assert set(pairs["chain"]) == {"photovoltaics", "advanced_equipment"}
    # Of each chain one part failed, and the goods made of it within 180 days; the other goods that
    # failed at the leader were supplied by others, and the pairs say so.
    parts = truth.samples.filter(role="链员")["sample_no"].to_list()
    of_parts = pairs.filter(pl.col("upstream_sample_no").is_in(parts))
    assert of_parts.filter(closeness="named_supplier").height == 2
    assert set(of_parts["closeness"]) == {"named_supplier", "other_product"}
    assert set(of_parts["upstream_chain_role"]) == {"member"}
