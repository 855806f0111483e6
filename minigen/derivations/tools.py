"""What the checks have in common: a distance, layers off their starting values, an adapter."""

from dataclasses import dataclass

import numpy as np

from minigen.core import tree
from minigen.core.contract import Layer
from minigen.flows import AffineCoupling, Chain, InvertibleLinear, Permute


def gap(a, b):
    """How far apart two arrays are: the largest difference, relative to numbers above 1."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError(f"gap: expected equal shapes, got {a.shape} and {b.shape}")
    scale = max(1.0, np.abs(b).max(initial=0))
    return float(np.abs(a - b).max(initial=0) / scale)


def worst(*errors):
    """The largest of some errors; not a number if one of them is not."""
    return float(np.max(errors))


def logdet(J):
    """log|det| of each matrix of J (N, D, D)."""
    return np.linalg.slogdet(J)[1]


def scrambled(layer, rng, spread=0.4):
    """The layer in float64, its parameters moved off the values that make it the identity."""
    layer = layer.astype(np.float64)
    leaves = tree.flatten(layer.params)
    new = {path: a + spread * rng.standard_normal(a.shape) for path, a in leaves.items()}
    return tree.rebuild(layer, new)


def tame(layer, rng):
    """The same, every parameter within +-0.4: smooth enough for a grid to integrate to rounding."""
    layer = scrambled(layer, rng)
    leaves = tree.flatten(layer.params)
    return tree.rebuild(layer, {path: 0.4 * np.tanh(a) for path, a in leaves.items()})


def mirror(D, rng):
    """A well-conditioned matrix that reverses orientation: singular values in 0.6..1.6, det < 0."""
    U, V = (np.linalg.qr(rng.standard_normal((D, D)))[0] for _ in range(2))
    W = U * np.linspace(0.6, 1.6, D) @ V
    W[0] *= -np.sign(np.linalg.det(W))
    return W


def covariance(D, rng):
    """A well-conditioned covariance matrix."""
    Q = np.linalg.qr(rng.standard_normal((D, D)))[0]
    return (Q * np.linspace(0.5, 2.0, D)) @ Q.T


def linear(D, rng):
    """An InvertibleLinear layer that reverses orientation."""
    return InvertibleLinear.from_matrix(mirror(D, rng), dtype=np.float64)


def coupling(D, rng, spread=0.4):
    """An AffineCoupling with a smooth network, away from the identity."""
    layer = AffineCoupling.init(D, (6,), rng=rng, dtype=np.float64, activation="tanh")
    return scrambled(layer, rng, spread)


def bent_chain(D, rng):
    """Three maps, none of them linear throughout: coupling, mirror, coupling on other columns."""
    return Chain((coupling(D, rng), linear(D, rng), Permute.halves(D), coupling(D, rng)))


@dataclass(frozen=True, eq=False, repr=False)
class Inverted(Layer):
    """The inverse of a bijection as a layer of its own, so that its gradient can be checked.

    x, logdet = f^{-1}(y);   backward is f.backward_inverse
    """

    layer: Layer

    def forward(self, y):
        return *self.layer.inverse(y), (y,)

    def backward(self, dx, dlogdet, cache):
        dy, grads = self.layer.backward_inverse(dx, dlogdet, *cache)
        return dy, {"layer": grads}


def trapezoid(low, high, n):
    """Nodes (n,) and weights (n,) of the trapezoid rule; exact to rounding for smooth decay."""
    x, h = np.linspace(low, high, n), (high - low) / (n - 1)
    w = np.full(n, h)
    w[[0, -1]] /= 2
    return x, w


def grid(low, high, n):
    """The product rule in the plane: nodes (n^2, 2) and weights (n^2,)."""
    x, w = trapezoid(low, high, n)
    points = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
    return points, np.outer(w, w).ravel()


def autoregressive(kind, D, rng, order="natural"):
    """A MAFLayer or an IAFLayer with a smooth network, away from the identity."""
    layer = kind.init(D, (2 * D,), rng=rng, dtype=np.float64, activation="tanh", order=order)
    return scrambled(layer, rng)


def location_scale(layer, x):
    """mu (N, D) and sigma (N, D) that an autoregressive layer's network gives at x."""
    h, _ = layer.made.forward(x)
    return h[..., 0], np.exp(layer.c * np.tanh(h[..., 1] / layer.c))


class Counted:
    """A network that counts how often it is evaluated."""

    def __init__(self, net):
        self.net, self.calls = net, 0

    def __getattr__(self, name):
        return getattr(self.net, name)

    def forward(self, *inputs):
        self.calls += 1
        return self.net.forward(*inputs)
