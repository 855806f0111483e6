"""The peak memory of a step beside what it has to keep: its caches, parameters and moments."""

import tracemalloc

import numpy as np

from minigen.bench.workloads import WORKLOADS, minigen_trainer


def measure():
    """Rows {workload, peak, caches, parameters} in bytes, for every training step."""
    return [one(work) for work in WORKLOADS if work.task == "step"]


def one(work):
    trainer, batch, rng = minigen_trainer(work)
    trainer.step(batch, 1.0, rng)  # what is compiled or computed once is not of the step
    inputs, given = trainer.twin.draw(batch, rng)
    _, cache = trainer.twin.forward(*inputs, **given)
    kept = bytes_of(cache, exclude=trainer.theta)
    del cache
    tracemalloc.start()
    try:
        trainer.step(batch, 1.0, rng)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return {
        "workload": work.name, "peak": peak, "caches": kept, "parameters": trainer.theta.nbytes,
    }  # fmt: skip


def bytes_of(cache, exclude):
    """The memory that the arrays of a cache hold, each block once, without the parameters'."""
    blocks = {}
    for a in arrays(cache):
        while isinstance(a.base, np.ndarray):
            a = a.base
        blocks[id(a)] = a
    return sum(a.nbytes for a in blocks.values() if a is not exclude)


def arrays(value):
    """The arrays in nested tuples, lists and dicts."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        yield from arrays(tuple(value.values()))
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from arrays(part)
