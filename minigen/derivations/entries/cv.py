"""Change of variables: CV-1 to CV-6."""

import numpy as np
from scipy import stats

from minigen.check import gradients, jacobian
from minigen.derivations.equation import CORRECT, WRONG, Result, entry
from minigen.derivations.page import figures
from minigen.derivations.tools.compare import gap, logdet, worst
from minigen.derivations.tools.layers import (
    Inverted,
    bent_chain,
    coupling,
    covariance,
    linear,
    tame,
)
from minigen.derivations.tools.quadrature import grid
from minigen.flows import NLL, Affine, Chain, Exp, Flow, InvertibleLinear
from minigen.flows.flow import GENERATIVE
from minigen.prob import Gaussian, StandardNormal


def forward_of(f):
    """The map alone, for a Jacobian."""
    return lambda x: f.forward(x)[0]


def inverse_of(f):
    """The inverse map alone, for a Jacobian."""
    return lambda y: f.inverse(y)[0]


def base(D, rng):
    """q = N(0, Sigma) with a full covariance."""
    return Gaussian.from_moments(np.zeros(D), covariance(D, rng))


@entry(
    "CV-1",
    r"q(\bar z)=\mathcal N(\bar z\mid\bar 0,\bar\Sigma),\quad \log q(\bar z)=-\frac D2\log 2\pi"
    r"-\sum_i\log L_{ii}-\frac12\|L^{-1}\bar z\|^2,\quad \Sigma=LL^T",
    printed=r"$$p(\bar{z}) = \mathcal{N}(\bar{0}, \bar{\Sigma})$$",
    line=12,
    verdict=CORRECT,
    why="True. Only the name is unlucky: from the next line on the density of the latent z is "
    "called q and p is kept for the data, which is also how the code names them.",
    code=(Gaussian.forward, Gaussian.backward),
    gradient=r"v=\Sigma^{-1}\bar z:\quad \partial_z\log q=-v,\quad "
    r"\partial_L\log q=\operatorname{tril}(vv^TL)-\operatorname{diag}(1/L_{ii})",
)
def cv_1(rng):
    q = base(3, rng)
    z = rng.standard_normal((6, 3))
    density = stats.multivariate_normal(np.zeros(3), q.Sigma).logpdf(z)
    points, w = grid(-14.0, 14.0, 141)
    mass = w @ np.exp(base(2, rng).log_prob(points))
    error = worst(gap(q.log_prob(z), density), abs(mass - 1))
    return Result(error, gradient=gradients(q, z, rng=rng))


@entry(
    "CV-2",
    r"\bar z\sim q(\bar z),\quad \bar y=\bar F(\bar z),\quad \bar F:\mathbb R^D\to\mathbb R^D"
    r"\text{ one to one, }\det\frac{d\bar F}{d\bar z}\ne0",
    printed=r"$$\bar{z} \sim q(\bar{z}) \xrightarrow{f} \bar{y} = \bar{F}(\bar{z})$$",
    line=14,
    verdict=CORRECT,
    why="True as a definition. It leaves unsaid what all later lines live on: F keeps the "
    "dimension, can be undone, and is smooth both ways.",
    code=(Chain.forward, Chain.inverse),
    gradient=r"d\bar z=\Big(\frac{\partial\bar F}{\partial\bar z}\Big)^T d\bar y",
)
def cv_2(rng):
    f = bent_chain(4, rng)
    z = rng.standard_normal((5, 4))
    y, _, _ = f.forward(z)
    there = gap(f.inverse(y)[0], z)
    back = gap(f.forward(f.inverse(z)[0])[0], z)
    return Result(worst(there, back), gradient=gradients(f, z, rng=rng))


@entry(
    "CV-3",
    r"p(\bar y)=q(\bar F^{-1}(\bar y))\left|\det\frac{d\bar F^{-1}}{d\bar y}\right|",
    printed=r"$$p(\bar{y}) = p(\bar{F}(\bar{z})) = q(\bar{F}^{-1}(\bar{y})) \cdot \left| \det "
    r"\frac{d\bar{F}^{-1}}{d\bar{y}} \right|$$",
    line=17,
    verdict=CORRECT,
    why="True. Probability is carried along: what F squeezes together becomes denser. Judged where "
    "the answer is known: a linear F gives a Gaussian, exp gives the lognormal, and for a bent "
    "map in the plane the mass is 1 and expectations agree with those under q.",
    code=(Flow.forward, Flow.backward),
    tolerance=1e-11,
    gradient=r"\frac{\partial\log|\det J|}{\partial J}=J^{-T}",
)
def cv_3(rng):
    q, f, y = base(3, rng), linear(3, rng), rng.standard_normal((5, 3))
    W = f.forward(np.eye(3))[0]
    gaussian = stats.multivariate_normal(np.zeros(3), W.T @ q.Sigma @ W).logpdf(y)
    flow = Flow(Chain((f,)), q, GENERATIVE)
    lognormal = Flow(Chain((Exp(),)), StandardNormal(1), GENERATIVE)
    positive = np.exp(y[:, :1])
    known = worst(
        gap(flow.log_prob(y), gaussian),
        gap(lognormal.log_prob(positive), stats.lognorm(1).logpdf(positive[:, 0])),
    )
    f = Chain((tame(coupling(2, rng), rng), linear(2, rng)))
    bent = Flow(f, base(2, rng), GENERATIVE)
    return Result(worst(known, *in_the_plane(bent)), gradient=gradients(bent, y[:, :2], rng=rng))


def in_the_plane(flow):
    """|int p dy - 1| and |E_q g(F(z)) - int g p dy| for a bounded smooth g."""
    z, w = grid(-12.0, 12.0, 161)
    y, v = grid(-34.0, 34.0, 541)
    p = np.exp(flow.log_prob(y)) * v
    image = flow.decode(z)[0]
    q = np.exp(flow.base.log_prob(z)) * w
    g = lambda x: np.cos(x[:, 0] - 0.5 * x[:, 1])  # noqa: E731
    return abs(p.sum() - 1), abs(q @ g(image) - p @ g(y))


@entry(
    "CV-4",
    r"p(y)=q(z)\left|\frac{dz}{dy}\right|=q(F^{-1}(y))\left|\frac{dF^{-1}}{dy}\right|"
    r"=q(F^{-1}(y))\,\big|(F^{-1})'(y)\big|\quad(D=1)",
    printed=r"$$p(\bar{y}) = q(\bar{z}) \cdot \left| \frac{d\bar{z}}{d\bar{y}} \right| = "
    r"q(\bar{F}^{-1}(\bar{y})) \cdot \left| \frac{d\bar{F}^{-1}}{d\bar{y}} \right| = "
    r"q(\bar{F}^{-1}(\bar{y})) \cdot \bar{F}^{-1}(\bar{y})'$$",
    line=21,
    verdict=WRONG,
    why="The bars of the absolute value are gone from the last form. Where F falls, its derivative "
    "is negative and the printed density comes out below zero, off by 200 %. The line is the "
    "one-dimensional case; with vectors a determinant belongs inside the bars.",
    code=(Affine.inverse, Exp.inverse, Flow.forward),
    gradient=r"c=(\log q)'(z)-\frac{F''}{F'}:\quad \frac{\partial\log p}{\partial y}=\frac{c}{F'}",
    figure=figures.negative_density,
)
def cv_4(rng):
    sigma = rng.uniform(0.5, 1.5)
    falling = Chain((Affine(np.array([-1.0]), np.zeros(1)), Exp()))  # F(z) = exp(-z)
    q = Gaussian.from_moments(np.zeros(1), np.array([[sigma**2]]))
    flow = Flow(falling, q, GENERATIVE)
    y = np.exp(rng.standard_normal((7, 1)))
    truth = stats.lognorm(sigma).pdf(y[:, 0])
    slope = jacobian(inverse_of(falling), y)[:, 0, 0]
    printed = np.exp(q.log_prob(falling.inverse(y)[0])) * slope
    return Result(
        correct=gap(np.exp(flow.log_prob(y)) / truth, np.ones(7)),
        printed=gap(printed / truth, np.ones(7)),
        gradient=gradients(flow, y, rng=rng),
    )


@entry(
    "CV-5",
    r"p(\bar F(\bar z))=q(\bar z)\left|\det\frac{d\bar F}{d\bar z}\right|^{-1}"
    r"\xrightarrow{\max_\theta},\quad \bar z=\bar F_\theta^{-1}(\bar y)",
    printed=r"$$\bar{z} \sim \mathcal{N}(\bar{z} | \bar{0}, \bar{\Sigma}) \xrightarrow{f} \bar{y} "
    r"\xrightarrow{\max} p(\bar{F}(\bar{z})) = q(\bar{z}) \cdot \left| \det "
    r"\frac{d\bar{F}}{d\bar{z}} \right|^{-1}$$",
    line=23,
    verdict=CORRECT,
    why="True: the determinant of the inverse map is one over that of the map. The word max on the "
    "arrow is an order, not part of the equation: choose theta so that the data are likely.",
    code=(Flow.forward, InvertibleLinear.inverse, InvertibleLinear.backward_inverse),
    gradient=r"\bar z=(\bar y-b)W^{-1},\ \ell=-\log|\det W|:\quad d\bar y=d\bar z\,W^{-T},\quad "
    r"dW=-\bar z^T d\bar y-\Big(\sum_n d\ell_n\Big)W^{-T}",
)
def cv_5(rng):
    f, q, z = bent_chain(4, rng), base(4, rng), rng.standard_normal((5, 4))
    y, _, _ = f.forward(z)
    there = q.log_prob(z) - logdet(jacobian(forward_of(f), z))
    back = q.log_prob(f.inverse(y)[0]) + logdet(jacobian(inverse_of(f), y))
    flow = Flow(f, q, GENERATIVE)
    error = worst(gap(there, back), gap(flow.log_prob(y), back))
    return Result(error, gradient=gradients(Inverted(linear(4, rng)), y, rng=rng))


@entry(
    "CV-6",
    r"\log p(\bar y)=\log q(\bar z)-\log\left|\det\frac{d\bar F}{d\bar z}\right|,\quad "
    r"\bar z=\bar F_\theta^{-1}(\bar y),\quad \xrightarrow{\max_{\bar\theta}}",
    printed=r"$$\log p(\bar{F}(\bar{z})) = \log q(\bar{z}) - \log \left| \det "
    r"\frac{d\bar{F}}{d\bar{z}} \right| \xrightarrow{\max_{\bar{\theta}}}$$",
    line=25,
    verdict=CORRECT,
    why="True, with a trap for the gradient. The data y stay where they are while theta moves, so "
    "z moves too. Hold z instead and there is no maximum at all: shrink F and the density grows "
    "without bound.",
    code=(NLL.forward, NLL.backward, Flow.backward, Chain.backward_inverse),
    gradient=r"J=\frac{\partial F}{\partial z}:\quad \partial_\theta\log p(\bar y)=-\nabla_z"
    r"\big(\log q-\log|\det J|\big)^TJ^{-1}\partial_\theta F-\operatorname{tr}"
    r"(J^{-1}\partial_\theta J)",
    figure=figures.shrinking,
)
def cv_6(rng):
    flow = Flow(Chain((coupling(3, rng), linear(3, rng))), base(3, rng), GENERATIVE)
    z = rng.standard_normal((5, 3))
    y, analytic = flow.decode(z)
    logq = flow.base.log_prob(z)
    by_jacobian = logq - logdet(jacobian(forward_of(flow.chain), z))
    error = worst(
        gap(-flow.nll.forward(y)[0], by_jacobian.mean()),
        gap(logq - analytic, by_jacobian),
        gap(logq + logdet(jacobian(inverse_of(flow.chain), y)), by_jacobian),
    )
    fixed_y = flow.nll.backward(1.0, flow.nll.forward(y)[1])[-1]["density"]["chain"]
    _, _, cache = flow.chain.forward(z)
    _, fixed_z = flow.chain.backward(np.zeros_like(z), np.full(5, 0.2), cache)
    a, b = (g["layers"]["1"]["a"] for g in (fixed_y, fixed_z))
    note = f"the gradient at fixed z is another one: off by {np.abs(a - b).max():.2g}"
    return Result(error, gradient=gradients(flow.nll, y, rng=rng), note=note)
