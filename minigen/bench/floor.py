"""The floor: nothing but the matrix products of a workload, into arrays that already exist.

A dense layer y = x W costs one product forward, two backward: dW = x^T dy and dx = dy W^T. Where
x is data, and dx is of no use, the floor is without it. The masks of a MADE are not made use of.
"""

import itertools

import numpy as np


def floor_run(work):
    """A function that does the products of the workload once."""
    step = work.task == "step"
    products = [p for size, inner in layers(work) for p in dense(work.rows, *size, step, inner)]
    repeats = work.steps if (work.model, work.task) == ("ddpm", "sample") else 1

    def run():
        for _ in range(repeats):
            for a, b, out in products:
                np.matmul(a, b, out=out)

    return run


def layers(work):
    """((n_in, n_out), inner) of every dense layer; inner: what it reads has a gradient of use."""
    D, H = work.features, work.hidden
    if work.model == "ddpm":
        time = [((64, H[0]), False), ((H[0], H[0]), True)] if work.task == "step" else []
        blocks = [((H[0], H[0]), True)] * work.layers
        return [((D, H[0]), False), *time, *blocks, ((H[0], D), True)]
    d = D // 2 if work.model == "real_nvp" else D
    widths = (d, *H, 2 * (D - d) if work.model == "real_nvp" else 2 * D)
    sizes = [*itertools.pairwise(widths)] * work.layers
    return [(size, k > 0) for k, size in enumerate(sizes)]


def dense(n, n_in, n_out, backward, inner):
    """The products of one dense layer as (a, b, out)."""
    rng = np.random.default_rng(0)

    def normal(*shape):
        return rng.standard_normal(shape, dtype=np.float32)

    x, W, dy = normal(n, n_in), normal(n_in, n_out), normal(n, n_out)
    products = [(x, W, np.empty_like(dy))]
    if backward:
        products.append((x.T, dy, np.empty_like(W)))
    if backward and inner:
        products.append((dy, W.T, np.empty_like(x)))
    return products
