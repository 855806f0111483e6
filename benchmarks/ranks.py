"""Measure training with several ranks against one, and against the floor.

    python benchmarks/ranks.py
    mpiexec -n 2 python benchmarks/ranks.py

Prints milliseconds of a step of each training of `minigen bench`, the median of several runs, with
one thread for each rank. One rank alone also prints the floor: the products of the whole batch, by
one thread or all, whichever is faster. Needs mpi4py; the machine should be idle.
"""

import importlib.util
import statistics
import time
from dataclasses import replace
from typing import Any

import numpy as np

import minigen as mg
from minigen.bench import timing
from minigen.bench.floor import floor_run
from minigen.bench.workloads import WORKLOADS, Workload, loss

STEPS = [work for work in WORKLOADS if work.task == "step"]
LARGE = [replace(w, rows=1024) for w in STEPS if w.name == "RealNVP step D=64 (128,128)"]
SECONDS, RUNS = 1.0, 5  # of each run, about


def milliseconds(comm: Any, work: Workload) -> float:
    """Of a step, the median of the runs."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4000, work.features)).astype(np.float32)
    goal, steps, each = loss(work, rng), 20, []
    for run in range(RUNS + 2):
        begun = time.perf_counter()
        mg.fit(goal, x, batch=work.rows, steps=steps, threads=1, rng=rng, progress=False, comm=comm)
        each.append((time.perf_counter() - begun) / steps)
        if run == 1:  # the first compiles; all ranks must take as many steps
            steps = max(20, int(SECONDS / (each[1] if comm is None else comm.bcast(each[1]))))
    return 1000 * statistics.median(each[2:])


def main() -> None:
    comm: Any = None
    if importlib.util.find_spec("mpi4py"):
        from mpi4py import MPI  # type: ignore[reportMissingImports]

        comm = MPI.COMM_WORLD
    ranks, first = (1, True) if comm is None else (comm.Get_size(), comm.Get_rank() == 0)
    for work in [*STEPS, *LARGE]:
        ms = milliseconds(comm, work)
        said = f"{ranks} ranks, {work.name}, batch {work.rows}: {ms:.2f} ms a step"
        if ranks == 1:
            floor = timing.compare({"floor": floor_run(work)}, RUNS)["floor"]
            said += f", floor {1000 * statistics.median(floor):.2f} ms"
        if first:
            print(said, flush=True)


if __name__ == "__main__":
    main()
