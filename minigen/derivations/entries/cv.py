"""Change of variables: CV-1 to CV-6."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from minigen.check import gradients, jacobian
from minigen.core.contract import Bijection
from minigen.derivations.equation import Result, entry
from minigen.derivations.page import figures
from minigen.derivations.tools.compare import gap, log_gaussian, logdet, worst
from minigen.derivations.tools.layers import coupling, covariance, linear, nonlinear_chain, smooth
from minigen.derivations.tools.quadrature import grid
from minigen.flows import NLL, Affine, Chain, Exp, Flow, Inverse, InvertibleLinear
from minigen.prob import Gaussian, StandardNormal


def forward_of(f: Bijection) -> Callable[[NDArray], NDArray]:
    """The map alone, for a Jacobian."""
    return lambda x: f.forward(x)[0]


def inverse_of(f: Bijection) -> Callable[[NDArray], NDArray]:
    """The inverse map alone, for a Jacobian."""
    return lambda y: f.inverse(y)[0]


def base(D: int, rng: np.random.Generator) -> Gaussian:
    """q = N(0, Sigma) with a full covariance."""
    return Gaussian.from_moments(np.zeros(D), covariance(D, rng))


@entry("CV-1", code=(Gaussian.forward, Gaussian.backward))
def cv_1(rng: np.random.Generator) -> Result:
    r"""Correct, line 12 of the notes.

    printed: $$p(\bar{z}) = \mathcal{N}(\bar{0}, \bar{\Sigma})$$
    correct: q(\bar z)=\mathcal N(\bar z\mid\bar 0,\bar\Sigma),\quad \log q(\bar z)
        =-\frac D2\log 2\pi-\sum_i\log L_{ii}-\frac12\|L^{-1}\bar z\|^2,\quad \Sigma=LL^T
    gradient: v=\Sigma^{-1}\bar z:\quad \partial_z\log q=-v,\quad \partial_L\log q
        =\operatorname{tril}(vv^TL)-\operatorname{diag}(1/L_{ii})

    True. The name may confuse: from the next line on, the density of the latent z is called q, and
    p is the density of the data. The code uses these names too.
    """
    q = base(3, rng)
    z = rng.standard_normal((6, 3))
    density = log_gaussian(z, np.zeros(3), q.Sigma)
    points, w = grid(-14.0, 14.0, 141)
    mass = w @ np.exp(base(2, rng).log_prob(points))
    error = worst(gap(q.log_prob(z), density), abs(mass - 1))
    return Result(error, gradient=gradients(q, z, rng=rng))


@entry("CV-2", code=(Chain.forward, Chain.inverse))
def cv_2(rng: np.random.Generator) -> Result:
    r"""Correct, line 14 of the notes.

    printed: $$\bar{z} \sim q(\bar{z}) \xrightarrow{f} \bar{y} = \bar{F}(\bar{z})$$
    correct: \bar z\sim q(\bar z),\quad \bar y=\bar F(\bar z),\quad \bar F:\mathbb R^D\to\mathbb R^D
        \text{ one to one, }\det\frac{d\bar F}{d\bar z}\ne0
    gradient: d\bar z=\Big(\frac{\partial\bar F}{\partial\bar z}\Big)^T d\bar y

    True as a definition. It does not say what all later lines need: F keeps the dimension, is
    invertible, and is smooth in both directions.
    """
    f = nonlinear_chain(4, rng)
    z = rng.standard_normal((5, 4))
    y, _, _ = f.forward(z)
    there = gap(f.inverse(y)[0], z)
    back = gap(f.forward(f.inverse(z)[0])[0], z)
    return Result(worst(there, back), gradient=gradients(f, z, rng=rng))


@entry("CV-3", code=(Flow.forward, Flow.backward), tolerance=1e-11)
def cv_3(rng: np.random.Generator) -> Result:
    r"""Correct, line 17 of the notes.

    printed: $$p(\bar{y}) = p(\bar{F}(\bar{z})) = q(\bar{F}^{-1}(\bar{y})) \cdot \left| \det
        \frac{d\bar{F}^{-1}}{d\bar{y}} \right|$$
    correct: p(\bar y)=q(\bar F^{-1}(\bar y))\left|\det\frac{d\bar F^{-1}}{d\bar y}\right|
    gradient: \frac{\partial\log|\det J|}{\partial J}=J^{-T}

    True. Where F contracts space, the density grows. Checked where the answer is known: a linear F
    gives a Gaussian, exp gives the lognormal, and for a nonlinear map in the plane the mass is 1
    and expectations agree with those under q.
    """
    q, f, y = base(3, rng), linear(3, rng), rng.standard_normal((5, 3))
    W = f.forward(np.eye(3))[0]
    gaussian = log_gaussian(y, np.zeros(3), W.T @ q.Sigma @ W)
    flow = Flow(Inverse(f), q)
    lognormal = Flow(Inverse(Exp()), StandardNormal(1))
    positive = np.exp(y[:, :1])
    known = worst(
        gap(flow.log_prob(y), gaussian),
        gap(lognormal.log_prob(positive), stats.lognorm.logpdf(positive[:, 0], 1)),
    )
    f = Chain((smooth(coupling(2, rng), rng), linear(2, rng)))
    bent = Flow(Inverse(f), base(2, rng))
    return Result(worst(known, *in_the_plane(bent)), gradient=gradients(bent, y[:, :2], rng=rng))


def in_the_plane(flow: Flow) -> tuple[float, float]:
    """|int p dy - 1| and |E_q g(F(z)) - int g p dy| for a bounded smooth g."""
    z, w = grid(-12.0, 12.0, 161)
    y, v = grid(-34.0, 34.0, 541)
    p = np.exp(flow.log_prob(y)) * v
    image = flow.decode(z)[0]
    q = np.exp(flow.base.log_prob(z)) * w
    g = lambda x: np.cos(x[:, 0] - 0.5 * x[:, 1])  # noqa: E731
    return abs(p.sum() - 1), abs(q @ g(image) - p @ g(y))


@entry("CV-4", code=(Affine.inverse, Exp.inverse, Flow.forward), figure=figures.negative_density)
def cv_4(rng: np.random.Generator) -> Result:
    r"""Wrong, line 21 of the notes.

    printed: $$p(\bar{y}) = q(\bar{z}) \cdot \left| \frac{d\bar{z}}{d\bar{y}} \right| =
        q(\bar{F}^{-1}(\bar{y})) \cdot \left| \frac{d\bar{F}^{-1}}{d\bar{y}} \right| =
        q(\bar{F}^{-1}(\bar{y})) \cdot \bar{F}^{-1}(\bar{y})'$$
    correct: p(y)=q(z)\left|\frac{dz}{dy}\right|=q(F^{-1}(y))\left|\frac{dF^{-1}}{dy}\right|
        =q(F^{-1}(y))\,\big|(F^{-1})'(y)\big|\quad(D=1)
    gradient: c=(\log q)'(z)-\frac{F''}{F'}:\quad \frac{\partial\log p}{\partial y}=\frac{c}{F'}

    The last form has lost the bars of the absolute value. Where F decreases, its derivative is
    negative and the printed density is below zero, off by 200 %. The line is the one-dimensional
    case; with vectors a determinant belongs inside the bars.
    """
    sigma = rng.uniform(0.5, 1.5)
    falling = Chain((Affine(np.array([-1.0]), np.zeros(1)), Exp()))  # F(z) = exp(-z)
    q = Gaussian.from_moments(np.zeros(1), np.array([[sigma**2]]))
    flow = Flow(Inverse(falling), q)
    y = np.exp(rng.standard_normal((7, 1)))
    truth = stats.lognorm.pdf(y[:, 0], sigma)
    slope = jacobian(inverse_of(falling), y)[:, 0, 0]
    printed = np.exp(q.log_prob(falling.inverse(y)[0])) * slope
    return Result(
        correct=gap(np.exp(flow.log_prob(y)) / truth, np.ones(7)),
        printed=gap(printed / truth, np.ones(7)),
        gradient=gradients(flow, y, rng=rng),
    )


@entry("CV-5", code=(Flow.forward, InvertibleLinear.inverse, InvertibleLinear.inverse_backward))
def cv_5(rng: np.random.Generator) -> Result:
    r"""Correct, line 23 of the notes.

    printed: $$\bar{z} \sim \mathcal{N}(\bar{z} | \bar{0}, \bar{\Sigma}) \xrightarrow{f} \bar{y}
        \xrightarrow{\max} p(\bar{F}(\bar{z})) = q(\bar{z}) \cdot \left| \det
        \frac{d\bar{F}}{d\bar{z}} \right|^{-1}$$
    correct: p(\bar F(\bar z))=q(\bar z)\left|\det\frac{d\bar F}{d\bar z}\right|^{-1}
        \xrightarrow{\max_\theta},\quad \bar z=\bar F_\theta^{-1}(\bar y)
    gradient: \bar z=(\bar y-b)W^{-1},\ \ell=-\log|\det W|:\quad d\bar y=d\bar z\,W^{-T},\quad dW
        =-\bar z^T d\bar y-\Big(\sum_n d\ell_n\Big)W^{-T}

    True: the determinant of the inverse map is one over that of the map. The word max on the arrow
    is an instruction, not part of the equation: choose theta so that the data are likely.
    """
    f, q, z = nonlinear_chain(4, rng), base(4, rng), rng.standard_normal((5, 4))
    y, _, _ = f.forward(z)
    there = q.log_prob(z) - logdet(jacobian(forward_of(f), z))
    back = q.log_prob(f.inverse(y)[0]) + logdet(jacobian(inverse_of(f), y))
    flow = Flow(Inverse(f), q)
    error = worst(gap(there, back), gap(flow.log_prob(y), back))
    return Result(error, gradient=gradients(Inverse(linear(4, rng)), y, rng=rng))


@entry(
    "CV-6",
    code=(NLL.forward, NLL.backward, Flow.backward, Chain.inverse_backward),
    figure=figures.shrinking,
)
def cv_6(rng: np.random.Generator) -> Result:
    r"""Correct, line 25 of the notes.

    printed: $$\log p(\bar{F}(\bar{z})) = \log q(\bar{z}) - \log \left| \det
        \frac{d\bar{F}}{d\bar{z}} \right| \xrightarrow{\max_{\bar{\theta}}}$$
    correct: \log p(\bar y)=\log q(\bar z)-\log\left|\det\frac{d\bar F}{d\bar z}\right|,\quad \bar z
        =\bar F_\theta^{-1}(\bar y),\quad \xrightarrow{\max_{\bar\theta}}
    gradient: J=\frac{\partial F}{\partial z}:\quad \partial_\theta\log p(\bar y)
        =-\nabla_z\big(\log q-\log|\det J|\big)^TJ^{-1}\partial_\theta F-\operatorname{tr}(J^{-1}
        \partial_\theta J)

    True, but the gradient needs care. The data y stay fixed while theta changes, so z changes too.
    With z fixed there would be no maximum: the smaller the scale of F, the larger the density,
    without bound.
    """
    f = Chain((coupling(3, rng), linear(3, rng)))
    flow = Flow(Inverse(f), base(3, rng))
    z = rng.standard_normal((5, 3))
    y, analytic = flow.decode(z)
    logq = flow.base.log_prob(z)
    by_jacobian = logq - logdet(jacobian(forward_of(f), z))
    error = worst(
        gap(-flow.nll.forward(y)[0], by_jacobian.mean()),
        gap(logq - analytic, by_jacobian),
        gap(logq + logdet(jacobian(inverse_of(f), y)), by_jacobian),
    )
    fixed_y = flow.nll.backward(1.0, flow.nll.forward(y)[1])[-1]["density"]["chain"]["f"]
    _, _, cache = f.forward(z)
    _, fixed_z = f.backward(np.zeros_like(z), np.full(5, 0.2), cache)
    a, b = (g["layers"]["1"]["a"] for g in (fixed_y, fixed_z))
    note = f"the gradient at fixed z is another one: off by {np.abs(a - b).max():.2g}"
    return Result(error, gradient=gradients(flow.nll, y, rng=rng), note=note)
