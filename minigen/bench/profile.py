"""Where the time of a step goes, by Python's own profiler.

A function's time is its own, without that of the functions it calls, and is counted by what the
function is for. The profiler sees no operators, so a product is timed with the line's allocation,
and what NumPy does between the calls stands under the layer that does it.
"""

import cProfile
import pathlib
import pstats

from minigen.bench import timing
from minigen.bench.floor import floor_run
from minigen.bench.workloads import WORKLOADS, minigen_run

PRODUCTS = ("nn/dense.py", "nn/linear.py", "kernels/triangular.py")
OPTIMISER = ("kernels/optimizers.py", "training/optimizers.py", "training/fit.py")
ELEMENTWISE = ("kernels", "nn", "flows", "diffusion", "prob", "~")
KINDS = ("layers of products", "element-wise", "optimiser and loop", "other Python")


def measure():
    """Rows {workload, floor, <kind>: share of the step} for every training step."""
    return [one(work) for work in WORKLOADS if work.task == "step"]


def one(work):
    run, floor = minigen_run(work), floor_run(work)
    count = timing.calls(run)
    profiler = cProfile.Profile(timing.CLOCK)
    profiler.enable()
    timing.timed(run, count)
    profiler.disable()
    shares = by_kind(pstats.Stats(profiler).stats)
    seconds = timing.compare({"floor": floor, "minigen": run}, 5)
    ratio = timing.quartiles(seconds["floor"] / seconds["minigen"])[0]
    return {"workload": work.name, "floor": ratio, **shares}


def by_kind(stats):
    """The share of the time of each kind, from {(file, line, name): (.., .., own, ..)}."""
    total = dict.fromkeys(KINDS, 0.0)
    for (file, _, name), (_, _, own, *_) in stats.items():
        total[kind(file, name)] += own
    return {name: own / sum(total.values()) for name, own in total.items()}


def kind(file, name):
    """What a function is for; the file "~" holds the functions of NumPy that are not in Python."""
    path = pathlib.PurePath(file).as_posix()
    inside = path.rpartition("minigen/")[2]
    if inside in PRODUCTS or name == "product":
        return KINDS[0]
    if inside in OPTIMISER:
        return KINDS[2]
    return KINDS[1] if inside.partition("/")[0] in ELEMENTWISE else KINDS[3]
