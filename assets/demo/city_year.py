"""The demo: the deliveries of one synthetic city year, and the truth about them."""

from pathlib import Path

import numpy as np

from assets.demo.acceptance import acceptance_source
from assets.demo.agri import agri_source
from assets.demo.equipment import write_equipment
from assets.demo.farm import write_farm
from assets.demo.firm_roster import write_firm_roster
from assets.demo.food import food_source
from assets.demo.governance import write_governance
from assets.demo.manufactured import manufactured_source
from assets.demo.recheck import recheck_source
from assets.demo.source_year import build, write_files
from assets.demo.truth import Registers, Truth, tell
from warehouse.errors import ConfigurationError

SEED = 20240702


def generate(
    landing: Path, *, seed: int = SEED, scale: float = 1.0, truth_file: Path | None = None
) -> Truth:
    """Write the deliveries of a city year to `landing/<source>/<received_on>/<file>`.

    The same seed and scale give the same bytes. Every source draws from a stream of its own, so
    that one source's lists can change without moving the others.

    Args:
        landing: folder of files as received.
        seed: seed of everything that is drawn.
        scale: 1 gives about 10 000 samples; units grow with it, the number of files does not.
        truth_file: where to write the truth as JSON, if anywhere.

    Returns:
        What a right pipeline must publish.

    Raises:
        ConfigurationError: scale is not above 0, or a sheet would not fit a workbook.
    """
    if not scale > 0:
        raise ConfigurationError(f"the demo's scale must be above 0, not {scale}")
    makers = (food_source(), agri_source(), manufactured_source(), acceptance_source())
    *chances, last, firms, projects, special, lifts = np.random.default_rng(seed).spawn(
        len(makers) + 5
    )
    years = [build(rng, source, scale) for rng, source in zip(chances, makers, strict=True)]
    recheck = build(last, recheck_source(years[0]), scale)
    for year in (*years, recheck):
        write_files(landing, year)
    roster = write_firm_roster(firms, landing, [*years, recheck])
    governance = write_governance(projects, landing, years[-1])
    brought = years[0].contents.filter("latest", "failed", programme="consumer_submitted")
    farm = write_farm(special, landing, scale, brought.select("sample_no", "sampled_on"))
    equipment = write_equipment(lifts, landing, scale)
    truth = tell(seed, scale, years, recheck, Registers(roster, governance, farm, equipment))
    if truth_file is not None:
        truth.write(truth_file)
    return truth
