"""Cold starts: fresh processes, with no compiled code kept and with all of it."""

import os
import subprocess
import sys
import tempfile
import time

IMPORT = "import minigen"
STEP = (
    "import numpy as np, minigen as mg; rng = np.random.default_rng(0); "
    "flow = mg.flows.real_nvp(2, rng=rng); "
    "mg.fit(flow.nll, mg.data.toy('moons'), steps=1, rng=rng, progress=False)"
)


def measure():
    """Rows {what, seconds}; an interpreter that does nothing comes first."""
    with tempfile.TemporaryDirectory() as folder:
        programs = (
            ("python alone", ""),
            ("import minigen", IMPORT),
            ("first training step, empty cache", STEP),
            ("first training step, warm cache", STEP),
        )
        return [{"what": what, "seconds": seconds(code, folder)} for what, code in programs]


def seconds(code, folder):
    """Wall time of a fresh process that runs `code` with its compiled code in `folder`."""
    start = time.perf_counter()
    environment = {**os.environ, "MINIGEN_CACHE": folder}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    return time.perf_counter() - start
