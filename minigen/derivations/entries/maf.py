"""Masked autoregressive flow, its two directions: MAF-1 to MAF-4."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from minigen.check import gradients
from minigen.core import tree
from minigen.derivations.equation import Result, entry
from minigen.derivations.tools import layers
from minigen.derivations.tools.compare import gap, log_gaussian, worst
from minigen.derivations.tools.layers import D, location_scale
from minigen.derivations.tools.quadrature import grid
from minigen.flows import Chain, Flow, Inverse, MAFLayer, d_passes, incremental
from minigen.prob import StandardNormal


def sampled(f: MAFLayer, z: NDArray) -> NDArray:
    """x of the sequential sampler, by its definition."""
    return d_passes(f.made, z, f.solve)[0]


def without_hidden_units(rng: np.random.Generator) -> tuple[MAFLayer, NDArray, NDArray]:
    """A MAF layer whose mu is linear and whose sigma is constant, and its Gaussian (mu, Sigma)."""
    f = MAFLayer.init(D, (), rng=rng, dtype=np.float64)
    W, b = 0.5 * rng.standard_normal((D, 2 * D)), 0.5 * rng.standard_normal(2 * D)
    W[:, 1::2] = 0
    f = tree.rebuild(f, {"made.layers.0.W": W, "made.layers.0.b": b})
    mix = np.linalg.inv(np.eye(D) - np.tril(W[:, 0::2].T, -1))
    sigma = np.exp(f.c * np.tanh(b[1::2] / f.c))
    return f, mix @ b[0::2], (mix * sigma**2) @ mix.T


@entry("MAF-1", code=(MAFLayer.forward, Flow.forward))
def maf_1(rng: np.random.Generator) -> Result:
    r"""Correct, line 61 of the notes.

    printed: $$p(\bar{x}) = \prod_{i=1}^D p(x_i | \bar{x}_{1:i-1}) \quad \bar{z} \xrightarrow{f}
        \bar{x}$$
    correct: p(\bar x)=\prod_{i=1}^Dp(x_i\mid\bar x_{1:i-1}),\quad \bar z\xrightarrow{f}\bar x
    gradient: d\bar\mu=-d\bar z/\bar\sigma,\quad d\bar\alpha=-d\bar z\odot\bar z-d\ell

    True: the chain rule of probability, without any approximation. The product of Gaussian
    conditionals equals the change of variables; with a linear network it is a Gaussian whose
    covariance is known, and in the plane its mass is 1.
    """
    f, x = layers.layer_and_latents(MAFLayer, rng, "random")
    flow = Flow(Chain((f,)), StandardNormal(D))
    mu, sigma = location_scale(f, x)
    conditionals = stats.norm.logpdf(x, mu, sigma).sum(axis=1)
    g, mean, Sigma = without_hidden_units(rng)
    known = log_gaussian(x, mean, Sigma)
    points, w = grid(-20.0, 20.0, 281)
    plane = Chain((layers.smooth(layers.autoregressive(MAFLayer, 2, rng), rng),))
    mass = w @ np.exp(Flow(plane, StandardNormal(2)).log_prob(points))
    error = worst(
        gap(flow.log_prob(x), conditionals),
        gap(Flow(Chain((g,)), StandardNormal(D)).log_prob(x), known),
        abs(mass - 1),
    )
    return Result(error, gradient=gradients(flow, x, rng=rng))


@entry("MAF-2", code=(MAFLayer.inverse, MAFLayer.solve, incremental, MAFLayer.inverse_backward))
def maf_2(rng: np.random.Generator) -> Result:
    r"""Misprint, line 65 of the notes.

    printed: $$x_i \sim p(x_i | \bar{x}_{1:i-1}) = z_i \cdot \sigma_i(\bar{x}_{1:i-1}) +
        \mu_i(\bar{x}_{1:i-1})$$
    correct: x_i=z_i\,\sigma_i(\bar x_{1:i-1})+\mu_i(\bar x_{1:i-1}),\ z_i\sim\mathcal N(0,1)\iff
        x_i\sim p(x_i\mid\bar x_{1:i-1})=\mathcal N(x_i\mid\mu_i,\sigma_i^2)
    gradient: \lambda\leftarrow d\bar x+\mathrm{MADE}^T(d\bar\mu=\lambda,\ d\bar\alpha
        =\lambda\odot\bar z\odot\bar\sigma+d\ell),\ D\text{ times};\quad d\bar z
        =\lambda\odot\bar\sigma

    Two statements in one line. The left side is a density, the right side a number drawn from it,
    and they are not equal. Each alone is true. The gradient of the D steps is found without a
    Jacobian, by D sweeps of the network's own backward pass.
    """
    f, z = layers.layer_and_latents(MAFLayer, rng, "random")
    x, ell, _ = f.inverse(z)
    mu, sigma = location_scale(f, x)
    density = stats.norm.pdf(x, mu, sigma)
    drawn = stats.norm.logpdf(z).sum(axis=1) - ell
    error = worst(gap(x, z * sigma + mu), gap(np.log(density).sum(axis=1), drawn))
    return Result(error, gap(density, x), gradients(Inverse(f), z, rng=rng))


@entry("MAF-3", code=(MAFLayer.forward, MAFLayer.backward))
def maf_3(rng: np.random.Generator) -> Result:
    r"""Correct, line 67 of the notes.

    printed: $$z_i = \frac{x_i - \mu_i(\bar{x}_{1:i-1})}{\sigma_i(\bar{x}_{1:i-1})}$$
    correct: z_i=\frac{x_i-\mu_i(\bar x_{1:i-1})}{\sigma_i(\bar x_{1:i-1})}
    gradient: d\mu_i=-\frac{dz_i}{\sigma_i},\quad d\sigma_i=-\frac{dz_i\,z_i+d\ell}{\sigma_i},\quad
        dx_i=\frac{dz_i}{\sigma_i}+\dots

    True: MAF-2 solved for z. All coordinates of x are known here, so all z can be computed at once.
    Each is computed a second time with every later coordinate replaced by noise, which must not
    change it.
    """
    f, z = layers.layer_and_latents(MAFLayer, rng)
    x = sampled(f, z)
    alone = layers.one_by_one(f, x, rng, lambda x, mu, sigma: (x - mu) / sigma)
    error = worst(gap(alone, z), gap(f.forward(x)[0], z))
    return Result(error, gradient=gradients(f, x, rng=rng))


@entry("MAF-4", code=(MAFLayer.forward, MAFLayer.backward))
def maf_4(rng: np.random.Generator) -> Result:
    r"""Correct, line 69 of the notes.

    printed: $$\bar{z} = \frac{\bar{x} - \mu(\bar{x})}{\sigma(\bar{x})}$$
    correct: \bar z=\big(\bar x-\bar\mu(\bar x)\big)\oslash\bar\sigma(\bar x)
    gradient: d\bar\mu=-d\bar z\odot e^{-\bar\alpha},\quad d\bar\alpha=-d\bar z\odot\bar z-d\ell,
        \quad d\bar x=d\bar z\odot e^{-\bar\alpha}+\mathrm{MADE}^T(d\bar\mu,d\bar\alpha)

    True; the division is entry by entry, and the network is masked so that its i-th outputs depend
    on the coordinates before i only. One pass gives all of z.
    """
    f, z = layers.layer_and_latents(MAFLayer, rng, "random")
    x = sampled(f, z)
    there = gap(f.forward(x)[0], z)
    back = gap(f.inverse(f.forward(z)[0])[0], z)
    return Result(worst(there, back), gradient=gradients(f, x, rng=rng))
