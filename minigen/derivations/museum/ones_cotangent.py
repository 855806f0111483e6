"""A cotangent of ones.

where: TinyTorch (issues 2053 and 2056), needle and minitorch: gradients are checked through
    `output.sum().backward()`, a cotangent of ones.
what: Rows of a softmax sum to one, so the gradient of their sum is 0, and any formula with a factor
    that vanishes there passes.
effect: A wrong formula stays: in TinyTorch a mutation tool changed the minus to +, * and /, and
    every test passed. Training goes on, to a worse result.
check: gradients: a random cotangent of mixed signs for every output, always.
answer: gradients: `dr = dy * (1 - y**2)` -> `dr = np.ones_like(dy) * (1 - y**2)`
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minigen import check
from minigen.core.contract import Cache, Grads, Layer
from minigen.derivations.museum.exhibit import Exhibit, Finding, first_lines


@dataclass(frozen=True, eq=False, repr=False)
class Softmax(Layer):
    """y = exp(x) / sum(exp(x)) of each row; dx = y (dy - sum(y dy))."""

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        e = np.exp(x - np.real(x).max(axis=1, keepdims=True))
        y = e / e.sum(axis=1, keepdims=True)
        return y, (y,)

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        (y,) = cache
        return y * (dy - (y * dy).sum(axis=1, keepdims=True)), {}


class Wrong(Softmax):
    """dx = y (dy - mean(dy)): the sum is not weighted."""

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        (y,) = cache
        return y * (dy - dy.mean(axis=1, keepdims=True)), {}


def gap(layer: Layer, x: NDArray, dy: NDArray) -> float:
    """The largest error of the gradient for one cotangent."""
    _, cache = layer.forward(x)
    expected = np.einsum("ni,nij->nj", dy, check.jacobian(lambda v: layer.forward(v)[0], x))
    return np.abs(layer.backward(dy, cache)[0] - expected).max()


def cross_entropy(
    Layer: type[Softmax], rng: np.random.Generator, steps: int = 300, rate: float = 0.5
) -> float:
    """Nats of a linear classifier of three clouds after training with this softmax."""
    label = rng.integers(0, 3, 300)
    x = 2 * np.eye(3)[label] + rng.standard_normal((300, 3))
    W = np.zeros((3, 3))
    for _ in range(steps):
        y, cache = Layer().forward(x @ W)
        picked = y[np.arange(300), label]
        dy = np.zeros_like(y)
        dy[np.arange(300), label] = -1 / np.maximum(picked, 1e-12) / 300
        W -= rate * x.T @ Layer().backward(dy, cache)[0]
    return float(-np.log(np.maximum(picked, 1e-300)).mean())


def measure(rng: np.random.Generator) -> Finding:
    x = rng.standard_normal((4, 5))
    ones, mixed = np.ones(x.shape), rng.standard_normal(x.shape)
    seed = rng.integers(2**31)
    nats, wrong_nats = (cross_entropy(L, np.random.default_rng(seed)) for L in (Softmax, Wrong))
    figures = (
        ("error with a cotangent of ones", gap(Softmax(), x, ones), gap(Wrong(), x, ones)),
        ("error with a random cotangent", gap(Softmax(), x, mixed), gap(Wrong(), x, mixed)),
        ("cross-entropy after training, nats", nats, wrong_nats),
    )
    report = check.gradients(Wrong(), x, rng=rng)
    return Finding(figures, first_lines(report), ("any check that starts from y.sum()",))


EXHIBIT = Exhibit.of(measure, Softmax, Wrong)
