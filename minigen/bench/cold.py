"""Cold starts: fresh processes, with no compiled code kept and with all of it."""

import os
import subprocess
import sys
import tempfile
import time

import numpy as np

STEP = (
    "import numpy as np, minigen as mg; rng = np.random.default_rng(0); "
    "flow = mg.flows.real_nvp(2, rng=rng); "
    "mg.fit(flow.nll, mg.data.toy('moons'), steps=1, rng=rng, progress=False)"
)
PROGRAMS = (
    ("python alone", ""),
    ("import numpy, numba", "import numpy, numba"),
    ("import minigen", "import minigen"),
    ("first training step, empty cache", STEP),
    ("first training step, warm cache", STEP),
)
REPEATS = 3


def measure():
    """Rows {what, seconds}, medians; what others take before minigen begins comes first."""
    medians = np.median([once() for _ in range(REPEATS)], axis=0)
    return [{"what": what, "seconds": s} for (what, _), s in zip(PROGRAMS, medians, strict=True)]


def once():
    """The seconds of each program, one after the other, compiled code in a folder of theirs."""
    with tempfile.TemporaryDirectory() as folder:
        return [seconds(code, folder) for _, code in PROGRAMS]


def seconds(code, folder):
    """Wall time of a fresh process that runs `code` with its compiled code in `folder`."""
    start = time.perf_counter()
    environment = {**os.environ, "MINIGEN_CACHE": folder}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    return time.perf_counter() - start
