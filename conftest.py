"""Gives each worker of xdist a core of its own, before any library counts the cores.

On tiny tables threads cost more than they give: a fifth of the time of all tests.
"""

import os

worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if worker and hasattr(os, "sched_setaffinity"):
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})
