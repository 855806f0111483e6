"""Where the time of a step goes, by Python's own profiler.

The time of a function is its own, without the functions it calls, and is counted by the room of
the package it stands in. Operators (`+`, `@`) are no calls: their time counts for the function
they stand in.
"""

import cProfile
import pathlib
import pstats
from typing import Any

from minigen.bench import compare, timing
from minigen.bench.workloads import WORKLOADS, Workload, minigen_run

PRODUCTS = ("nn/dense.py", "nn/linear.py", "kernels/triangular.py")
OPTIMISER = ("kernels/optimizers.py", "training/optimizers.py", "training/loop.py")
ELEMENTWISE = ("kernels", "nn", "flows", "diffusion", "prob", "~")
KINDS = ("layers of products", "element-wise", "optimiser and loop", "other Python")


def measure() -> list[dict[str, Any]]:
    """Rows {workload, floor, <kind>: share of the step} for every training step."""
    return [_one(work) for work in WORKLOADS if work.task == "step"]


def _one(work: Workload) -> dict[str, Any]:
    run = minigen_run(work)
    count = timing.calls(run)
    profiler = cProfile.Profile(timing.CLOCK)
    profiler.enable()
    timing.timed(run, count)
    profiler.disable()
    shares = _by_kind(vars(pstats.Stats(profiler))["stats"])
    floor, _ = compare.measure(work, 5)
    return {"workload": work.name, "floor": floor["to_minigen"], **shares}


def _by_kind(stats: dict[tuple[str, int, str], tuple]) -> dict[str, float]:
    """The share of the time of each kind, from {(file, line, name): (.., .., own, ..)}."""
    total: dict[str, float] = dict.fromkeys(KINDS, 0.0)
    for (file, _, name), (_, _, own, *_) in stats.items():
        total[kind(file, name)] += own
    return {name: own / sum(total.values()) for name, own in total.items()}


def kind(file: str, name: str) -> str:
    """The kind of a function, of KINDS; "~" is the file of all functions written in C."""
    path = pathlib.PurePath(file).as_posix()
    inside = path.rpartition("minigen/")[2]
    if inside in PRODUCTS or name == "product":
        return KINDS[0]
    if inside in OPTIMISER:
        return KINDS[2]
    return KINDS[1] if inside.partition("/")[0] in ELEMENTWISE else KINDS[3]
