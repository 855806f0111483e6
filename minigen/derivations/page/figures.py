"""Pictures for the page, where one says more than a number: each makes its own data."""

import numpy as np
from scipy import stats

from minigen.check import jacobian
from minigen.derivations.page.svg import plot
from minigen.derivations.tools.compare import gap
from minigen.derivations.tools.layers import autoregressive, coupling, location_scale
from minigen.derivations.tools.quadrature import trapezoid
from minigen.diffusion import IdealNoise, ReverseProcess, exact_weights, linear_schedule
from minigen.flows import Affine, Chain, Exp, Flow, Inverse, MAFLayer, Permute
from minigen.prob import Gaussian, Mixture


def negative_density(rng: np.random.Generator) -> str:
    """CV-4: a falling map, with the bars and without."""
    falling = Chain((Affine(np.array([-1.0]), np.zeros(1)), Exp()))
    flow = Flow(Inverse(falling), Gaussian.from_moments(np.zeros(1), 0.36 * np.eye(1)))
    y = np.linspace(0.05, 4, 120)[:, None]
    p = np.exp(flow.log_prob(y))
    slope = jacobian(lambda v: falling.inverse(v)[0], y)[:, 0, 0]
    printed = np.exp(flow.base.log_prob(falling.inverse(y)[0])) * slope
    return plot(
        [("with bars", "right", y[:, 0], p), ("as printed", "wrong", y[:, 0], printed)],
        "y", "density",
        "The density of y = exp(-z). Without the bars of the absolute value it is its own mirror "
        "image below zero.",
    )  # fmt: skip


def shrinking(rng: np.random.Generator) -> str:
    """CV-6: what is maximised when z is held, and when y is."""
    s, z = np.linspace(-1, 1.2, 120), rng.standard_normal(400)
    fixed_z = [stats.norm.logpdf(z).mean() - k for k in s]
    fixed_y = [stats.norm.logpdf(z, 0, np.exp(k)).mean() for k in s]
    return plot(
        [("y held", "right", s, fixed_y), ("z held", "wrong", s, fixed_z)],
        "log of the scale of F", "mean log p",
        "The objective for F(z) = scale times z. With the data y held there is a best scale; "
        "with z held, shrinking F raises the density without end.",
    )  # fmt: skip


def wrong_inverse(rng: np.random.Generator) -> str:
    """NVP-6: what comes back after a round trip."""
    s = np.linspace(-1.5, 1.5, 100)
    x, t = 1.0, 0.4
    y = x * np.exp(s) + t
    return plot(
        [("exponent -s", "right", s, (y - t) * np.exp(-s)),
         ("as printed, +s", "wrong", s, (y - t) * np.exp(s))],
        "log-scale s", "x that comes back, for x = 1",
        "The printed inverse returns x times exp(2s). It is right where s is zero, which is where "
        "a freshly made layer stands: an untrained flow does not show the mistake.",
    )  # fmt: skip


def two_determinants(rng: np.random.Generator) -> str:
    """NVP-8: |det J| and det|J| along a chain."""
    D, depth, layers, rows = 4, 9, [], []
    x = rng.standard_normal((1, D))
    for _ in range(depth):
        layers += [coupling(D, rng), Permute.halves(D)]
        f = Chain(tuple(layers))
        J = jacobian(lambda v, f=f: f.forward(v)[0], x)[0]
        rows.append([np.linalg.slogdet(M)[1] for M in (J, np.abs(J))])
    right, wrong = np.array(rows).T
    n = np.arange(1, depth + 1)
    return plot(
        [("log |det J|", "right", n, right), ("log det |J|", "wrong", n, wrong)],
        "couplings in the chain", "log-determinant",
        "One coupling cannot tell the two readings apart. From the second on the determinant of "
        "absolute values goes its own way.",
    )  # fmt: skip


def sweeps(rng: np.random.Generator) -> str:
    """MAF-10: all coordinates at once, again and again."""
    D = 12
    f, z = autoregressive(MAFLayer, D, rng), rng.standard_normal((4, D))
    truth, x, errors = f.inverse(z)[0], np.zeros_like(z), []
    for _ in range(D):
        mu, sigma = location_scale(f, x)
        x = z * sigma + mu
        errors.append(max(gap(x, truth), 1e-17))
    n = np.arange(1, D + 1)
    return plot(
        [("error of x", "plain", n, errors)],
        "sweeps over all coordinates", f"error, D = {D}",
        "Updating all coordinates at once gets one more of them right with each sweep, and often "
        "is near enough long before the last. Only after D sweeps is it certain.",
        log=True,
    )  # fmt: skip


def forgetting(rng: np.random.Generator) -> str:
    """DIF-3: how far x_t is from noise."""
    schedule = linear_schedule(1000)
    t = np.arange(1, 1001, 9)
    A, rest = schedule.alpha_bar[t], schedule.one_minus_alpha_bar[t]
    kl = (A - A - np.log(rest)) / 2
    return plot(
        [("KL to N(0, 1)", "plain", t, kl)],
        "t", "nats, for x_0 = 1",
        "How far x_t is from pure noise, on a schedule of 1000 steps: true at the end, false at "
        "every earlier time.",
        log=True,
    )  # fmt: skip


def sum_of_noises(rng: np.random.Generator) -> str:
    """DIF-8: densities added, and noises added."""
    x = np.linspace(-3.2, 3.2, 161)
    a, b = 0.7 * 0.5, 0.3
    added = stats.norm.pdf(x, 0, np.sqrt(a)) + stats.norm.pdf(x, 0, np.sqrt(b))
    return plot(
        [("of the sum", "right", x, stats.norm.pdf(x, 0, np.sqrt(a + b))),
         ("densities added", "wrong", x, added)],
        "noise", "density",
        "The density of a sum of two noises is wider than either. Adding the densities makes them "
        "higher instead, and gives something of mass 2.",
    )  # fmt: skip


def weight_of_xt(rng: np.random.Generator) -> str:
    """DIF-22: the coefficient of x_t."""
    schedule = linear_schedule(50)
    t = np.arange(2, 51)
    return plot(
        [("1 / sqrt(alpha_t)", "right", t, 1 / np.sqrt(schedule.alpha[t])),
         ("as printed", "wrong", t, np.ones(len(t)))],
        "t, of 50 steps", "weight of x_t",
        "The printed fraction is exactly one at every t. The step back has to undo the shrinking "
        "of the step forward, so its weight is above one.",
    )  # fmt: skip


def directions(rng: np.random.Generator) -> str:
    """ELBO-3: the divergence, and what the printed arrow asks for."""
    q = Mixture.of_gaussians(np.array([[-1.2], [1.2]]), scale=0.6, dtype=np.float64)
    x, w = trapezoid(-10.0, 10.0, 401)
    weights, m = w * np.exp(q.log_prob(x[:, None])), np.linspace(-3, 3, 61)
    entropy = weights @ q.log_prob(x[:, None])
    cross = np.array([weights @ stats.norm.logpdf(x, c, 1.3) for c in m])
    return plot(
        [("KL(q || p)", "plain", m, entropy - cross),
         ("mean of log p", "right", m, cross)],
        "mean of the model", "nats",
        "The divergence is smallest where the expected log-likelihood is largest. To maximise the "
        "divergence itself, as printed, is to run to either end.",
    )  # fmt: skip


def weights(rng: np.random.Generator) -> str:
    """S-SIMPLE: what the bound thinks of each t."""
    schedule, curves = linear_schedule(200), []
    net = IdealNoise.init(schedule, np.zeros((1, 1)), 1.0)
    t = np.arange(2, 201)
    for variance, role in [("beta", "right"), ("beta_tilde", "other")]:
        model = ReverseProcess(net, schedule, 1, "eps", variance, float(schedule.beta[1]))
        curves.append((f"w_t, {variance.replace('_', ' ')}", role, t, exact_weights(model)[0][1:]))
    curves.append(("simple loss", "plain", t, np.ones(len(t))))
    return plot(
        curves, "t, of 200 steps", "weight of the squared error",
        "The bound weighs the steps at small t, with little noise, most. The simple loss gives "
        "every t the same weight, and so relatively more to the middle of the walk.",
        log=True,
    )  # fmt: skip
