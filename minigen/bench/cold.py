"""Cold starts: fresh processes until what they do is done; their end is not waited for."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

STEP = (
    "import numpy as np, minigen as mg; rng = np.random.default_rng(0); "
    "flow = mg.flows.real_nvp(2, rng=rng); "
    "mg.fit(flow.nll, mg.data.toy('moons'), steps=1, rng=rng, progress=False)"
)
LIBRARIES = ", ".join(name for name in ("numpy", "numba") if importlib.util.find_spec(name))
PROGRAMS = {
    "python alone": "",
    f"import {LIBRARIES}": f"import {LIBRARIES}",
    "import minigen": "import minigen",
    "first training step, empty cache": STEP,
    "first training step, warm cache": STEP,
}
REPEATS = 3
END = "\nimport os; os._exit(0)"  # to take the interpreter down costs up to 0.3 s more


def measure() -> list[dict[str, Any]]:
    """Rows {what, seconds}: the median wall time of each of PROGRAMS."""
    medians = np.median([_once() for _ in range(REPEATS)], axis=0).tolist()
    return [{"what": what, "seconds": s} for what, s in zip(PROGRAMS, medians, strict=True)]


def _once() -> list[float]:
    """The seconds of each program, one after the other; they share an empty cache folder."""
    with tempfile.TemporaryDirectory() as folder:
        return [_seconds(code, folder) for code in PROGRAMS.values()]


def _seconds(code: str, folder: str) -> float:
    """Wall time of a fresh process that runs `code` with its compiled code in `folder`."""
    start = time.perf_counter()
    environment = {**os.environ, "MINIGEN_CACHE": folder}
    subprocess.run([sys.executable, "-c", code + END], check=True, env=environment)
    return time.perf_counter() - start
