"""Inverse autoregressive flow: IAF-1 to IAF-5."""

import dataclasses
from typing import Any

import numpy as np
from scipy import stats

from minigen.check import gradients, jacobian
from minigen.derivations.equation import Result, entry
from minigen.derivations.tools import layers
from minigen.derivations.tools.compare import gap, logdet, worst
from minigen.derivations.tools.layers import D, location_scale
from minigen.flows import Flow, IAFLayer, Inverse, d_passes, incremental
from minigen.prob import StandardNormal


@entry("IAF-1", code=(IAFLayer.forward, Flow.forward))
def iaf_1(rng: np.random.Generator) -> Result:
    r"""Misprint, line 87 of the notes.

    printed: $$x_i \sim p(x_i | \bar{z}_{1:i-1}) = z_i \cdot \sigma_i(\bar{z}_{1:i-1}) +
        \mu_i(\bar{z}_{1:i-1})$$
    correct: x_i=z_i\,\sigma_i(\bar z_{1:i-1})+\mu_i(\bar z_{1:i-1}),\ z_i\sim\mathcal N(0,1)\iff
        x_i\sim p(x_i\mid\bar z_{1:i-1})=\mathcal N\big(x_i\mid\mu_i(\bar z_{1:i-1}),
        \sigma_i^2(\bar z_{1:i-1})\big)

    As in MAF-2 a density is set equal to a sample. The only difference to MAF is the input of the
    network: earlier z instead of earlier x. Each determines the other, so the product of these
    conditionals is still the density of x.
    """
    f, z = layers.layer_and_latents(IAFLayer, rng, "random")
    x, _, _ = f.forward(z)
    mu, sigma = location_scale(f, z)
    density = stats.norm.pdf(x, mu, sigma)
    flow = Flow(Inverse(f), StandardNormal(D))
    moved = stats.norm.logpdf(z).sum(axis=1) - logdet(jacobian(lambda v: f.forward(v)[0], z))
    logp = np.log(density).sum(axis=1)
    error = worst(gap(x, z * sigma + mu), gap(logp, moved), gap(flow.log_prob(x), logp))
    return Result(error, gap(density, x))


@entry("IAF-2", code=(IAFLayer.forward, IAFLayer.backward))
def iaf_2(rng: np.random.Generator) -> Result:
    r"""Correct, line 90 of the notes.

    printed: $$\bar{x} = \bar{z} \odot \sigma(\bar{z}) + \mu(\bar{z})$$
    correct: \bar x=\bar z\odot\bar\sigma(\bar z)+\bar\mu(\bar z)
    gradient: d\bar\mu=d\bar x,\quad d\bar\alpha=d\bar x\odot\bar z\odot e^{\bar\alpha}+d\ell,\quad
        d\bar z=d\bar x\odot e^{\bar\alpha}+\mathrm{MADE}^T(d\bar\mu,d\bar\alpha)

    True. All of z is drawn first, so one pass gives all of x; it must agree with columns computed
    one at a time, each from a z whose later entries are noise.
    """
    f, z = layers.layer_and_latents(IAFLayer, rng, "natural")
    x, _, _ = f.forward(z)
    columns = layers.one_by_one(f, z, rng, lambda z, mu, sigma: z * sigma + mu)
    return Result(gap(columns, x), gradient=gradients(f, z, rng=rng))


@entry("IAF-3", code=(IAFLayer.inverse, IAFLayer.solve, IAFLayer.inverse_backward))
def iaf_3(rng: np.random.Generator) -> Result:
    r"""Correct, line 92 of the notes.

    printed: $$z_i = \frac{x_i - \mu_i(\bar{z}_{1:i-1})}{\sigma_i(\bar{z}_{1:i-1})}$$
    correct: z_i=\frac{x_i-\mu_i(\bar z_{1:i-1})}{\sigma_i(\bar z_{1:i-1})}
    gradient: \lambda\leftarrow d\bar z+\mathrm{MADE}^T(d\bar\mu=-\lambda e^{-\bar\alpha},
        \ d\bar\alpha=-\lambda\odot\bar z-d\ell),\ D\text{ times};\quad d\bar x=\lambda\odot
        e^{-\bar\alpha}

    True, one coordinate after the other, because each z needs those before it. The gradient of
    these steps is again D sweeps of the network's backward pass.
    """
    f, z = layers.layer_and_latents(IAFLayer, rng, "random")
    x, ell, _ = f.forward(z)
    back, ell_back, _ = f.inverse(x)
    error = worst(gap(back, z), gap(ell_back, -ell))
    return Result(error, gradient=gradients(Inverse(f), x, rng=rng))


@entry("IAF-4", code=(IAFLayer.forward,))
def iaf_4(rng: np.random.Generator) -> Result:
    r"""Correct, line 94 of the notes.

    printed: $f: \bar{z} \mapsto \bar{x}$  FAST
    correct: f:\bar z\mapsto\bar x\quad\text{in one pass (fast)}

    True: sampling costs one evaluation of the network, which is why an IAF is trained by the
    reverse KL.
    """
    f, z = layers.layer_and_latents(IAFLayer, rng, "random")
    net = layers.Counted(f.made)
    x, _, _ = dataclasses.replace(f, made=net).forward(z)
    mu, sigma = location_scale(f, z)
    return Result(worst(abs(net.calls - 1), gap(x, z * sigma + mu)))


@entry("IAF-5", code=(d_passes, incremental))
def iaf_5(rng: np.random.Generator) -> Result:
    r"""Correct, line 96 of the notes.

    printed: $f^{-1}: \bar{x} \mapsto \bar{z}$  SLOW
    correct: f^{-1}:\bar x\mapsto\bar z\quad\text{in }D\text{ steps, one after the other (slow)}

    True by the definition, D evaluations. As in MAF-10 the order is necessary, but computing each
    hidden unit once reduces the cost to about one evaluation.
    """
    f, z = layers.layer_and_latents(IAFLayer, rng, "random")
    x, _, _ = f.forward(z)
    net: Any = layers.Counted(f.made)
    by_definition, _ = d_passes(net, x, f.solve)
    quick, _, _ = f.inverse(x)
    error = worst(abs(net.calls - D), gap(by_definition, z), gap(quick, z))
    return Result(error, note=f"{net.calls} evaluations for D = {D}")
