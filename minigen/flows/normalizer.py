"""The log-normaliser of an unnormalised density: by quadrature, and from a trained flow."""

from dataclasses import dataclass

import numpy as np

from minigen.core import validate
from minigen.core.contract import Density
from minigen.core.numeric import logsumexp
from minigen.core.signature import Bound, Size, checked
from minigen.flows.flow import Flow
from minigen.flows.losses import refuse_other


@dataclass(frozen=True)
class Normalizer:
    """What samples of a flow say of log Z = log int p~(x) dx, in nats.

    estimate: log mean exp w, w = log p~(x) - log q(x); error: its standard error.
    bound: mean w <= log Z; the gap log Z - bound is KL(q || p).
    efficiency: effective over actual number of samples, 1 for q = p.
    """

    estimate: float
    error: float
    bound: Bound
    efficiency: float

    def __str__(self) -> str:
        return (
            f"log Z = {self.estimate:.4f} +- {self.error:.4f}, bound {self.bound:.4f}, "
            f"{100 * self.efficiency:.0f} % effective samples"
        )


@checked
def log_normalizer(
    flow: Flow, target: Density, n: Size = 20_000, *, rng: np.random.Generator
) -> Normalizer:
    """Estimate log Z of a density by importance sampling with a flow as the proposal.

    Parameters
    ----------
    flow : the proposal q, for example trained by `flow.reverse_kl(target)`
    target : an unnormalised density p~, with a forward
    n : how many samples of the flow
    rng : the generator of the samples

    Returns
    -------
    Normalizer
        The estimate and its error, the bound, and the share of effective samples.

    Examples
    --------
    >>> flow = mg.flows.iaf(2, 1, (8,), rng=rng)
    >>> round(mg.flows.log_normalizer(flow, flow.base, rng=rng).efficiency, 6)
    1.0
    """
    refuse_other("target", target, flow)
    z = flow.base.sample(validate.integer("n", n, 2), rng=validate.generator(rng))
    x, logdet = flow.decode(z)
    w = (target.forward(x)[0] - flow.base.forward(z)[0] + logdet).astype(np.float64)
    log_mean = logsumexp(w) - np.log(n)
    ratio = np.exp(w - log_mean)  # weights of mean 1
    error = ratio.std() / np.sqrt(n)
    return Normalizer(float(log_mean), float(error), float(w.mean()), float(1 / (ratio**2).mean()))


def quadrature(target: Density, low: float = -8.0, high: float = 8.0, points: int = 801) -> float:
    """log Z of a 2-D density that has vanished at the edges, by the trapezoidal rule.

    By default in steps of 0.02 from -8 to 8.
    """
    axis = np.linspace(low, high, points)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    logp, _ = target.forward(grid)
    return float(logsumexp(logp) + 2 * np.log((high - low) / (points - 1)))
