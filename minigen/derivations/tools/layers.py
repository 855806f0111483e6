"""Small layers in float64, moved off the parameters that make them the identity."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import tree
from minigen.core.contract import Layer
from minigen.core.signature import Count, checked
from minigen.derivations.tools.compare import gap
from minigen.diffusion import ReverseProcess, Schedule, TimeNet
from minigen.flows import AffineCoupling, Chain, Flow, IAFLayer, InvertibleLinear, MAFLayer, Permute
from minigen.markov import GaussianChain
from minigen.prob import StandardNormal

D = 5  # columns of an autoregressive layer


def smooth(layer: Layer, rng: np.random.Generator) -> Any:
    """A perturbed copy with parameters within +-0.4, which a grid integrates to rounding."""
    layer = tree.perturbed(layer, rng)
    leaves = tree.flatten(layer.params)
    return tree.rebuild(layer, {path: 0.4 * np.tanh(a) for path, a in leaves.items()})


def linear(D: int, rng: np.random.Generator) -> InvertibleLinear:
    """A layer that reverses orientation, with singular values in 0.6..1.6 and det < 0."""
    U, V = (np.linalg.qr(rng.standard_normal((D, D)))[0] for _ in range(2))
    W = U * np.linspace(0.6, 1.6, D) @ V
    W[0] *= -np.sign(np.linalg.det(W))
    return InvertibleLinear.from_matrix(W, dtype=np.float64)


def covariance(D: int, rng: np.random.Generator) -> NDArray:
    """A well-conditioned covariance matrix."""
    Q = np.linalg.qr(rng.standard_normal((D, D)))[0]
    return (Q * np.linspace(0.5, 2.0, D)) @ Q.T


def coupling(D: int, rng: np.random.Generator, spread: float = 0.4) -> AffineCoupling:
    """An AffineCoupling with a smooth network, away from the identity."""
    layer = AffineCoupling.init(D, (6,), rng=rng, dtype=np.float64, activation="tanh")
    return tree.perturbed(layer, rng, spread)


def nonlinear_chain(D: int, rng: np.random.Generator) -> Chain:
    """A coupling, a reflection, and a coupling on other columns."""
    return Chain((coupling(D, rng), linear(D, rng), Permute.halves(D), coupling(D, rng)))


def autoregressive(
    kind: type, D: int, rng: np.random.Generator, order: str | NDArray = "natural"
) -> Any:
    """A MAFLayer or an IAFLayer with a smooth network, away from the identity."""
    layer = kind.init(D, (2 * D,), rng=rng, dtype=np.float64, activation="tanh", order=order)
    return tree.perturbed(layer, rng)


def layer_and_latents(
    kind: type, rng: np.random.Generator, order: str | NDArray = "natural"
) -> tuple[Any, NDArray]:
    """A MAFLayer or an IAFLayer on D columns, and a batch of latents."""
    return autoregressive(kind, D, rng, order), rng.standard_normal((4, D))


def one_by_one(
    layer: MAFLayer | IAFLayer, x: NDArray, rng: np.random.Generator, form: Callable[..., NDArray]
) -> NDArray:
    """form(x_i, mu_i, sigma_i) of each column, every column from i on replaced by noise: (N, D)."""
    columns = []
    for i in range(D):
        later = x.copy()
        later[:, i:] = rng.standard_normal((len(x), D - i))
        mu, sigma = location_scale(layer, later)
        columns.append(form(x[:, i], mu[:, i], sigma[:, i]))
    return np.stack(columns, axis=1)


def location_scale(layer: MAFLayer | IAFLayer, x: NDArray) -> tuple[NDArray, NDArray]:
    """mu (N, D) and sigma (N, D) that an autoregressive layer's network gives at x."""
    h, _ = layer.made.forward(x)
    return h[..., 0], np.exp(layer.c * np.tanh(h[..., 1] / layer.c))


def sweep_errors(layer: MAFLayer, z: NDArray, x: NDArray) -> list[float]:
    """How far x <- z sigma(x) + mu(x), all columns at once from 0, is from x after 1..D sweeps."""
    guess, errors = np.zeros_like(z), []
    for _ in range(z.shape[1]):
        mu, sigma = location_scale(layer, guess)
        guess = z * sigma + mu
        errors.append(gap(guess, x))
    return errors


def denoiser(schedule: Schedule, rng: np.random.Generator, variance: str) -> ReverseProcess:
    """A reverse process of two columns with a small network, away from its start."""
    outputs = 4 if variance == "learned" else 2
    net = TimeNet.init(2, outputs, T=schedule.T, hidden=4, blocks=1, rng=rng, dtype=np.float64)
    return ReverseProcess(tree.perturbed(net, rng, 0.2), schedule, 2, "eps", variance, 0.3)


class Counted:
    """A network that counts how often it is evaluated.

    Parameters
    ----------
    net : Layer
        The network; everything else is taken from it.

    Examples
    --------
    >>> net = mg.derivations.Counted(mg.nn.Linear.init(2, 3, rng=rng))
    >>> _ = net.forward(np.zeros((1, 2)))
    >>> net.calls
    1
    """

    def __init__(self, net: Layer) -> None:
        self.net, self.calls = net, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.net, name)

    def forward(self, *inputs: NDArray) -> Any:
        self.calls += 1
        return self.net.forward(*inputs)


@checked
def as_maf(chain: GaussianChain, n: Count) -> Flow:
    """A scalar Gaussian chain as a MAF without hidden units, whose weights are one band (MK-1).

    Parameters
    ----------
    chain : GaussianChain
        A chain of one column.
    n : int
        The number of steps, which are the columns of the flow.

    Returns
    -------
    Flow
        With the same density.

    Examples
    --------
    >>> chain = mg.markov.GaussianChain.of(np.array([[0.5]]), np.zeros(1), np.eye(1))
    >>> flow, x = mg.derivations.as_maf(chain, 4), rng.standard_normal((3, 4))
    >>> bool(np.allclose(flow.log_prob(x), chain.log_prob(x)))
    True
    """
    f = MAFLayer.init(n, (), rng=np.random.default_rng(0), dtype=np.float64)
    W, b = np.zeros((n, 2 * n)), np.zeros(2 * n)
    W[np.arange(n - 1), 2 * np.arange(1, n)] = chain.A[0, 0]
    laws = [chain.start, *[chain.noise] * (n - 1)]
    b[0::2] = [law.mu[0] for law in laws]
    b[1::2] = [f.c * np.arctanh(law.a[0] / f.c) for law in laws]
    f = tree.rebuild(f, {"made.layers.0.W": W, "made.layers.0.b": b})
    return Flow(Chain((f,)), StandardNormal(n))
