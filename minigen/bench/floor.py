"""The floor: only the matrix products of a workload, into arrays that already exist.

A dense layer y = x W needs one product forward and two backward: dW = x^T dy and dx = dy W^T.
Where x is data, dx is not needed and not counted. The zeros of a MADE's masks are not left out.
The products run with all threads of the library and with one, and the faster way is the floor.
"""

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from minigen.bench import timing
from minigen.bench.timing import Run
from minigen.bench.workloads import BINS, Workload
from minigen.core import parallel

Product = tuple[NDArray, NDArray, NDArray]  # a, b and the array for a @ b


def floor_run(work: Workload) -> Run:
    """A function that does the products of the workload once."""
    step = work.task == "step"
    products = [p for size, inner in layers(work) for p in dense(work.rows, *size, step, inner)]
    repeats = work.steps if work.model == "ddpm" and not step else 1

    def run() -> None:
        for _ in range(repeats):
            for a, b, out in products:
                np.matmul(a, b, out=out)

    def alone() -> None:
        with parallel.limited(1):
            run()

    return timing.fastest([run, alone])


def layers(work: Workload) -> list[tuple[tuple[int, int], bool]]:
    """((n_in, n_out), inner) of every dense layer; inner: its input's gradient is needed."""
    D, H = work.features, work.hidden
    if work.model == "ddpm":
        time = [((64, H[0]), False), ((H[0], H[0]), True)] if work.task == "step" else []
        blocks = [((H[0], H[0]), True)] * work.layers
        return [((D, H[0]), False), *time, *blocks, ((H[0], D), True)]
    d = D // 2 if work.model == "real_nvp" else D
    each = 3 * BINS - 1 if work.model == "neural_spline" else 2
    widths = (d, *H, each * (D - d) if work.model == "real_nvp" else each * D)
    sizes = [*itertools.pairwise(widths)] * work.layers
    return [(size, k > 0) for k, size in enumerate(sizes)]


def dense(n: int, n_in: int, n_out: int, backward: bool, inner: bool) -> Iterator[Product]:
    """The products of one dense layer for a batch of n rows."""
    rng = np.random.default_rng(0)
    x, W, dy = (
        rng.standard_normal(shape, dtype=np.float32)
        for shape in ((n, n_in), (n_in, n_out), (n, n_out))
    )
    yield x, W, np.empty_like(dy)
    if backward:
        yield x.T, dy, np.empty_like(W)
    if backward and inner:
        yield dy, W.T, np.empty_like(x)
