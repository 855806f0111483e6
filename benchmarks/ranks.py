"""Measure training with several ranks against one.

    python benchmarks/ranks.py
    mpiexec -n 2 python benchmarks/ranks.py

Prints milliseconds of a step, the median of several runs, with one thread for each rank. Needs
mpi4py; the machine should be idle.
"""

import importlib.util
import statistics
import time
from typing import Any

import numpy as np

import minigen as mg

SIZES = [(2, 64, 256), (64, 128, 256), (64, 128, 1024), (64, 512, 256)]  # D, width, rows
STEPS, RUNS = 300, 5


def step(comm: Any, D: int, width: int, rows: int) -> float:
    """Seconds of a step of a Real NVP with eight couplings."""
    rng = np.random.default_rng(0)
    flow = mg.flows.real_nvp(D, 8, (width, width), rng=rng)
    x = rng.standard_normal((4000, D)).astype(np.float32)
    options: dict[str, Any] = {"batch": rows, "rng": rng, "progress": False, "comm": comm}
    seconds = []
    for run in range(RUNS + 1):
        begun = time.perf_counter()
        mg.fit(flow.nll, x, steps=STEPS, threads=1, **options)
        seconds += [(time.perf_counter() - begun) / STEPS] if run else []  # the first compiles
    return statistics.median(seconds)


def main() -> None:
    comm: Any = None
    if importlib.util.find_spec("mpi4py"):
        from mpi4py import MPI  # type: ignore[reportMissingImports]

        comm = MPI.COMM_WORLD
    ranks = 1 if comm is None else comm.Get_size()
    for size in SIZES:
        seconds = step(comm, *size)
        if comm is None or comm.Get_rank() == 0:
            D, width, rows = size
            print(f"{ranks} ranks, Real NVP D={D} ({width}, {width}), batch {rows}: "
                  f"{1e3 * seconds:.2f} ms a step", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
