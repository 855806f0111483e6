"""Pictures for the page, where one says more than a number: each makes its own data."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from minigen.check import jacobian
from minigen.derivations.page.svg import Curve, plot
from minigen.derivations.tools.layers import autoregressive, coupling, sweep_errors
from minigen.derivations.tools.quadrature import trapezoid
from minigen.diffusion import IdealNoise, ReverseProcess, exact_weights, linear_schedule
from minigen.flows import Affine, Chain, Exp, Flow, Inverse, MAFLayer, Permute
from minigen.prob import Gaussian, Mixture

_Drawn = Callable[[np.random.Generator], str]


def _figure(x_label: str, y_label: str, log: bool = False) -> Callable[..., _Drawn]:
    """Decorator: draws the curves that a function returns, under its docstring as the caption."""

    def bound(curves: Callable[[np.random.Generator], Sequence[Curve]]) -> _Drawn:
        caption = " ".join((curves.__doc__ or "").split())
        return lambda rng: plot(curves(rng), x_label, y_label, caption, log=log)

    return bound


@_figure("y", "density")
def negative_density(rng: np.random.Generator) -> list[Curve]:
    """The density of y = exp(-z). Without the bars of the absolute value it is its own mirror
    image below zero.
    """
    falling = Chain((Affine(np.array([-1.0]), np.zeros(1)), Exp()))
    flow = Flow(Inverse(falling), Gaussian.from_moments(np.zeros(1), 0.36 * np.eye(1)))
    y = np.linspace(0.05, 4, 120)[:, None]
    p = np.exp(flow.log_prob(y))
    slope = jacobian(lambda v: falling.inverse(v)[0], y)[:, 0, 0]
    printed = np.exp(flow.base.log_prob(falling.inverse(y)[0])) * slope
    return [("with bars", "right", y[:, 0], p), ("as printed", "wrong", y[:, 0], printed)]


@_figure("log of the scale of F", "mean log p")
def shrinking(rng: np.random.Generator) -> list[Curve]:
    """The objective for F(z) = scale times z. With the data y held there is a best scale; with
    z held, shrinking F raises the density without end.
    """
    s, z = np.linspace(-1, 1.2, 120), rng.standard_normal(400)
    fixed_z = [stats.norm.logpdf(z).mean() - k for k in s]
    fixed_y = [stats.norm.logpdf(z, 0, np.exp(k)).mean() for k in s]
    return [("y held", "right", s, fixed_y), ("z held", "wrong", s, fixed_z)]


@_figure("log-scale s", "x that comes back, for x = 1")
def wrong_inverse(rng: np.random.Generator) -> list[Curve]:
    """The printed inverse returns x times exp(2s). It is right where s is zero, which is where
    a freshly made layer stands: an untrained flow does not show the mistake.
    """
    s = np.linspace(-1.5, 1.5, 100)
    x, t = 1.0, 0.4
    y = x * np.exp(s) + t
    return [
        ("exponent -s", "right", s, (y - t) * np.exp(-s)),
        ("as printed, +s", "wrong", s, (y - t) * np.exp(s)),
    ]


@_figure("couplings in the chain", "log-determinant")
def two_determinants(rng: np.random.Generator) -> list[Curve]:
    """One coupling cannot tell the two readings apart. From the second on the determinant of
    absolute values goes its own way.
    """
    D, depth, layers, rows = 4, 9, [], []
    x = rng.standard_normal((1, D))
    for _ in range(depth):
        layers += [coupling(D, rng), Permute.halves(D)]
        f = Chain(tuple(layers))
        J = jacobian(lambda v, f=f: f.forward(v)[0], x)[0]
        rows.append([np.linalg.slogdet(M)[1] for M in (J, np.abs(J))])
    right, wrong = np.array(rows).T
    n = np.arange(1, depth + 1)
    return [("log |det J|", "right", n, right), ("log det |J|", "wrong", n, wrong)]


@_figure("sweeps over all coordinates", "error, D = 12", log=True)
def sweeps(rng: np.random.Generator) -> list[Curve]:
    """Updating all coordinates at once gets one more of them right with each sweep, and often
    is near enough long before the last. Only after D sweeps is it certain.
    """
    D = 12
    f, z = autoregressive(MAFLayer, D, rng), rng.standard_normal((4, D))
    errors = np.maximum(sweep_errors(f, z, f.inverse(z)[0]), 1e-17)
    return [("error of x", "plain", np.arange(1, D + 1), errors)]


@_figure("t", "nats, for x_0 = 1", log=True)
def forgetting(rng: np.random.Generator) -> list[Curve]:
    """How far x_t is from pure noise, on a schedule of 1000 steps: true at the end, false at
    every earlier time.
    """
    schedule = linear_schedule(1000)
    t = np.arange(1, 1001, 9)
    A, rest = schedule.alpha_bar[t], schedule.one_minus_alpha_bar[t]
    kl = (A - A - np.log(rest)) / 2
    return [("KL to N(0, 1)", "plain", t, kl)]


@_figure("noise", "density")
def sum_of_noises(rng: np.random.Generator) -> list[Curve]:
    """The density of a sum of two noises is wider than either. Adding the densities makes them
    higher instead, and gives something of mass 2.
    """
    x = np.linspace(-3.2, 3.2, 161)
    a, b = 0.7 * 0.5, 0.3
    added = stats.norm.pdf(x, 0, np.sqrt(a)) + stats.norm.pdf(x, 0, np.sqrt(b))
    return [
        ("of the sum", "right", x, stats.norm.pdf(x, 0, np.sqrt(a + b))),
        ("densities added", "wrong", x, added),
    ]


@_figure("t, of 50 steps", "weight of x_t")
def weight_of_xt(rng: np.random.Generator) -> list[Curve]:
    """The printed fraction is exactly one at every t. The step back has to undo the shrinking
    of the step forward, so its weight is above one.
    """
    schedule = linear_schedule(50)
    t = np.arange(2, 51)
    return [
        ("1 / sqrt(alpha_t)", "right", t, 1 / np.sqrt(schedule.alpha[t])),
        ("as printed", "wrong", t, np.ones(len(t))),
    ]


@_figure("mean of the model", "nats")
def directions(rng: np.random.Generator) -> list[Curve]:
    """The divergence is smallest where the expected log-likelihood is largest. To maximise the
    divergence itself, as printed, is to run to either end.
    """
    q = Mixture.of_gaussians(np.array([[-1.2], [1.2]]), scale=0.6, dtype=np.float64)
    x, w = trapezoid(-10.0, 10.0, 401)
    weights, m = w * np.exp(q.log_prob(x[:, None])), np.linspace(-3, 3, 61)
    entropy = weights @ q.log_prob(x[:, None])
    cross = np.array([weights @ stats.norm.logpdf(x, c, 1.3) for c in m])
    return [("KL(q || p)", "plain", m, entropy - cross), ("mean of log p", "right", m, cross)]


@_figure("t, of 200 steps", "weight of the squared error", log=True)
def weights(rng: np.random.Generator) -> list[Curve]:
    """The bound weighs the steps at small t, with little noise, most. The simple loss gives
    every t the same weight, and so relatively more to the middle of the walk.
    """
    schedule, curves = linear_schedule(200), []
    net = IdealNoise.init(schedule, np.zeros((1, 1)), 1.0)
    t = np.arange(2, 201)
    for variance, role in [("beta", "right"), ("beta_tilde", "other")]:
        model = ReverseProcess(net, schedule, 1, "eps", variance, float(schedule.beta[1]))
        curves.append((f"w_t, {variance.replace('_', ' ')}", role, t, exact_weights(model)[0][1:]))
    curves.append(("simple loss", "plain", t, np.ones(len(t))))
    return curves
