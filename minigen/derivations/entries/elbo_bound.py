"""What is to be small: ELBO-1 to ELBO-3."""

import numpy as np
from numpy.typing import NDArray

from minigen.check import gradients
from minigen.derivations.equation import Result, entry
from minigen.derivations.page import figures
from minigen.derivations.tools.compare import gap, worst
from minigen.derivations.tools.full_kl import KLFull
from minigen.derivations.tools.layers import covariance
from minigen.derivations.tools.quadrature import trapezoid
from minigen.flows import NLL
from minigen.prob import Gaussian, Mixture


@entry("ELBO-1", code=(KLFull.forward,))
def elbo_1(rng: np.random.Generator) -> Result:
    r"""Correct, line 148 of the notes.

    printed: $$p_\theta(\bar{x}_0) \approx q(\bar{x}_0)$$
    correct: p_\theta(\bar x_0)\approx q(\bar x_0)

    An aim, not a claim: the model should be close to the data. The KL makes it precise: it is zero
    for equal densities and for no others.
    """
    L = np.linalg.cholesky(covariance(3, rng))[None]
    m, other = rng.standard_normal((2, 1, 3))
    same, _ = KLFull().forward(m, L, m, L)
    apart, _ = KLFull().forward(m, L, other, L)
    return Result(worst(abs(same[0]), 0.0 if apart[0] > 1e-3 else np.inf))


def bimodal(rng: np.random.Generator) -> tuple[Mixture, NDArray, NDArray]:
    """A mixture q in one dimension, its density on a grid, and the grid."""
    means = np.array([[-rng.uniform(0.8, 1.5)], [rng.uniform(0.8, 1.5)]])
    q = Mixture.of_gaussians(means, scale=0.6, dtype=np.float64)
    x, w = trapezoid(-12.0, 12.0, 961)
    return q, x[:, None], w * np.exp(q.log_prob(x[:, None]))


def normal(m: float, v: float) -> Gaussian:
    """N(m, v) in one dimension."""
    return Gaussian.from_moments(np.array([m]), np.array([[v]]))


def forward_kl(q: Mixture, x: NDArray, weights: NDArray, p: Gaussian) -> float:
    """KL(q || p) by quadrature."""
    return float(weights @ (q.log_prob(x) - p.log_prob(x)))


@entry("ELBO-2", code=(Gaussian.forward, Gaussian.backward))
def elbo_2(rng: np.random.Generator) -> Result:
    r"""Correct, line 150 of the notes.

    printed: $$KL(q(\bar{x}_0) \parallel p_\theta(\bar{x}_0)) \rightarrow \min$$
    correct: KL(q(\bar x_0)\parallel p_\theta(\bar x_0))\to\min_\theta

    True, and the order of the two matters. With q first it is maximum likelihood: the best Gaussian
    then has the mean and the variance of the data, and there the gradient must vanish.
    """
    q, x, weights = bimodal(rng)
    m = float(weights @ x[:, 0])
    v = float(weights @ (x[:, 0] - m) ** 2)
    best = normal(m, v)
    _, cache = best.forward(x)
    _, grads = best.backward(-weights, cache)
    here = forward_kl(q, x, weights, best)
    around = [forward_kl(q, x, weights, normal(m + a, v * b)) for a, b in [(0.2, 1), (0, 1.3)]]
    least = 0.0 if min(around) > here > 0 else np.inf
    return Result(worst(abs(grads["mu"][0]), abs(grads["a"][0]), least))


@entry("ELBO-3", code=(NLL.forward, NLL.backward, Gaussian.forward), figure=figures.directions)
def elbo_3(rng: np.random.Generator) -> Result:
    r"""Wrong, line 152 of the notes.

    printed: $$\int q \log \frac{q}{p_\theta} d\bar{x}_0 = \int q \log q d\bar{x}_0 - \int
        q(\bar{x}_0) \log p_\theta(\bar{x}_0) d\bar{x}_0 \rightarrow \max$$
    correct: \int q\log\frac q{p_\theta}\,d\bar x_0=\int q\log q\,d\bar x_0-\int q\log p_\theta\,
        d\bar x_0\to\min_\theta\iff\int q(\bar x_0)\log p_\theta(\bar x_0)\,d\bar x_0\to\max_\theta
    gradient: \partial_\theta KL=-E_q[\partial_\theta\log p_\theta]

    The identity is right, the arrow is wrong: a large divergence means a bad model. The last
    integral, without its minus, is to be made large. The error of the printed form is the distance
    from the mean of the data of the Gaussian that it prefers, among means from -3 to 3.
    """
    q, x, weights = bimodal(rng)
    p = normal(0.4, 1.7)
    entropy, cross = weights @ q.log_prob(x), weights @ p.log_prob(x)
    identity = gap(forward_kl(q, x, weights, p), entropy - cross)
    mean = weights @ x[:, 0]
    centres = np.append(np.linspace(-3.0, 3.0, 61), mean)
    kls = np.array([forward_kl(q, x, weights, normal(m, 1.0)) for m in centres])
    crosses = np.array([weights @ normal(m, 1.0).log_prob(x) for m in centres])
    chosen = gap(centres[crosses.argmax()], mean) + gap(centres[kls.argmin()], mean)
    far = abs(centres[kls.argmax()] - mean)
    report = gradients(NLL(p), q.sample(6, rng=rng), rng=rng)
    return Result(worst(identity, chosen), far, report)
