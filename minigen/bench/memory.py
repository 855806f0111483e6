"""The peak memory of a step, and the size of what it must keep: caches and parameters."""

import tracemalloc
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.bench.workloads import WORKLOADS, Workload, minigen_descent
from minigen.core import tree


def measure() -> list[dict[str, Any]]:
    """Rows {workload, peak, caches, parameters} in bytes, for every training step."""
    return [_one(work) for work in WORKLOADS if work.task == "step"]


def _one(work: Workload) -> dict[str, Any]:
    descent, batch, rng = minigen_descent(work)
    descent.step(batch, rng)  # compiling and other work of the first step is not counted
    inputs, given = descent.loss.draw(batch, rng)
    _, cache = descent.loss.forward(*inputs, **given)
    kept = bytes_of(cache, exclude=descent.theta)
    del cache
    tracemalloc.start()
    try:
        descent.step(batch, rng)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return {
        "workload": work.name, "peak": peak, "caches": kept, "parameters": descent.theta.nbytes,
    }  # fmt: skip


def bytes_of(cache: Any, exclude: NDArray) -> int:
    """The bytes that the arrays of a cache hold, shared memory once, parameters not counted."""
    blocks: dict[int, NDArray] = {}
    for _, a in tree.leaves(cache):
        while isinstance(getattr(a, "base", None), np.ndarray):
            a = a.base
        if isinstance(a, np.ndarray):
            blocks[id(a)] = a
    return sum(a.nbytes for a in blocks.values() if a is not exclude)
