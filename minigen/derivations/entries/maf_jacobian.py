"""Masked autoregressive flow, its Jacobian and its price: MAF-5 to MAF-11."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.check import gradients, jacobian
from minigen.derivations.entries.maf import sampled
from minigen.derivations.equation import NotEvaluable, Result, entry
from minigen.derivations.page import figures
from minigen.derivations.tools.compare import gap, logdet, worst
from minigen.derivations.tools.layers import (
    Counted,
    D,
    layer_and_latents,
    location_scale,
    sweep_errors,
)
from minigen.flows import Inverse, MAFLayer, d_passes, incremental


def sampler_jacobian(f: MAFLayer, z: NDArray) -> NDArray:
    """dx/dz by complex step through the sampler."""
    return jacobian(lambda v: f.inverse(v)[0], z)


def recursion_matrix(f: MAFLayer, x: NDArray, z: NDArray) -> NDArray:
    """M_ik = z_i dsigma_i/dx_k + dmu_i/dx_k, strictly lower triangular: (N, D, D)."""
    dmu = jacobian(lambda v: location_scale(f, v)[0], x)
    dsigma = jacobian(lambda v: location_scale(f, v)[1], x)
    return z[:, :, None] * dsigma + dmu


@entry("MAF-5", code=(MAFLayer.inverse, MAFLayer.forward))
def maf_5(rng: np.random.Generator) -> Result:
    r"""Misprint, line 71 of the notes.

    printed: $$\frac{dx_i}{dz_j} = \frac{dx_i}{dz_j}$$
    correct: \left(\frac{d\bar x}{d\bar z}\right)_{ij}=\frac{dx_i}{dz_j}

    The line says that a number equals itself. The left side should be an entry of the matrix: row i
    and column j hold the derivative of the i-th x by the j-th z. Its inverse is the Jacobian of the
    fast direction.
    """
    f, z = layer_and_latents(MAFLayer, rng, "random")
    J = np.linalg.inv(jacobian(lambda v: f.forward(v)[0], sampled(f, z)))
    return Result(gap(sampler_jacobian(f, z), J), NotEvaluable("it says nothing: a = a"))


@entry("MAF-6", code=(MAFLayer.inverse, incremental), tolerance=0.0)
def maf_6(rng: np.random.Generator) -> Result:
    r"""Correct, line 73 of the notes.

    printed: $$\frac{dx_i}{dz_j} = 0, \quad j > i$$
    correct: \frac{dx_i}{dz_j}=0,\quad j>i

    True, and exactly: x_i is computed before z_j is used. The upper triangle holds exact zeros.
    """
    f, z = layer_and_latents(MAFLayer, rng)
    J = sampler_jacobian(f, z)
    above = gap(np.triu(J, 1), np.zeros_like(J))
    return Result(above if np.tril(J).any() else np.inf)


@entry("MAF-7", code=(MAFLayer.inverse, MAFLayer.inverse_backward))
def maf_7(rng: np.random.Generator) -> Result:
    r"""Incomplete, line 75 of the notes.

    printed: $$\frac{dx_i}{dz_j} = \dots, \quad j < i$$
    correct: \frac{dx_i}{dz_j}=\sum_{k=j}^{i-1}\Big(z_i\frac{\partial\sigma_i}{\partial x_k}
        +\frac{\partial\mu_i}{\partial x_k}\Big)\frac{dx_k}{dz_j},\ j<i;\qquad
        \frac{d\bar x}{d\bar z}=(I-M)^{-1}\operatorname{diag}(\bar\sigma),\ M_{ik}
        =z_i\frac{\partial\sigma_i}{\partial x_k}+\frac{\partial\mu_i}{\partial x_k}
    gradient: (I-M)^T\lambda=d\bar x+d\ell\sum_k\nabla\alpha_k,\quad d\bar z=\lambda\odot\bar\sigma

    Left open, and the determinant does not need it. The gradient of the sampler does. A change of
    z_j reaches x_i through every x_k in between, and the sum over these paths is a triangular
    solve.
    """
    f, z = layer_and_latents(MAFLayer, rng)
    x = sampled(f, z)
    _, sigma = location_scale(f, x)
    M = recursion_matrix(f, x, z)
    closed = np.linalg.solve(np.eye(D) - M, sigma[:, :, None] * np.eye(D))
    rows = []
    for i in range(D):  # one row after the other, as the sum says
        own = sigma[:, i, None] * np.eye(D)[i]
        rows.append(own + sum((M[:, i, k, None] * rows[k] for k in range(i)), np.zeros((4, D))))
    J = sampler_jacobian(f, z)
    error = worst(gap(closed, J), gap(np.stack(rows, axis=1), J))
    dx = rng.standard_normal(z.shape)
    dz, _ = f.inverse_backward(dx, np.zeros(len(z)), (x, z, ()))
    solved = np.einsum("nij,ni->nj", closed, dx)
    return Result(error, NotEvaluable("dots, no value"), gap(dz, solved))


@entry("MAF-8", code=(MAFLayer.inverse, MAFLayer.solve))
def maf_8(rng: np.random.Generator) -> Result:
    r"""Correct, line 77 of the notes.

    printed: $$\frac{dx_i}{dz_i} = \sigma_i(\bar{x}_{1:i-1})$$
    correct: \frac{dx_i}{dz_i}=\sigma_i(\bar x_{1:i-1})

    True: x_1 to x_{i-1} do not depend on z_i, so the derivative is the slope of a straight line.
    """
    f, z = layer_and_latents(MAFLayer, rng, "random")
    J = sampler_jacobian(f, z)
    _, sigma = location_scale(f, sampled(f, z))
    return Result(gap(np.diagonal(J, axis1=1, axis2=2), sigma))


@entry("MAF-9", code=(MAFLayer.forward, MAFLayer.inverse))
def maf_9(rng: np.random.Generator) -> Result:
    r"""Correct, line 79 of the notes.

    printed: $$\left| \det \frac{d\bar{x}}{d\bar{z}} \right| = \prod_i \sigma_i(\bar{x}_{1:i-1})$$
    correct: \left|\det\frac{d\bar x}{d\bar z}\right|=\prod_{i=1}^D\sigma_i(\bar x_{1:i-1})
        \quad(\sigma_i>0)
    gradient: \frac{\partial\ell}{\partial\alpha_i}=1

    True as long as each sigma is positive, as sigma = exp(alpha) is; a negative sigma would need
    bars. The determinant of a triangular matrix is the product of its diagonal.
    """
    f, z = layer_and_latents(MAFLayer, rng, "random")
    x, ell, _ = f.inverse(z)
    truth = logdet(sampler_jacobian(f, z))
    _, sigma = location_scale(f, x)
    return Result(
        worst(gap(ell, truth), gap(-f.forward(x)[1], truth), gap(np.log(sigma).sum(axis=1), truth)),
        gradient=gradients(Inverse(f), z, rng=rng),
    )


@entry("MAF-10", code=(d_passes, incremental), figure=figures.sweeps)
def maf_10(rng: np.random.Generator) -> Result:
    r"""Correct, line 81 of the notes.

    printed: $f: \bar{z} \mapsto \bar{x}$  - autoregr. / SLOW
    correct: f:\bar z\mapsto\bar x\quad\text{in }D\text{ steps, one after the other (slow)}

    True by the definition, which evaluates the network D times; updating all coordinates at once is
    exact after D sweeps too, but not much earlier. The order of the steps is necessary, a new
    evaluation of the whole network at each step is not: each hidden unit can be computed once, in
    the order of degrees, and D steps then cost about one evaluation.
    """
    f, z = layer_and_latents(MAFLayer, rng, "random")
    net: Any = Counted(f.made)
    x, _ = d_passes(net, z, f.solve)
    quick, _, _ = f.inverse(z)
    sweeps = sweep_errors(f, z, x)
    note = f"{net.calls} evaluations for D = {D}; all coordinates at once, the error after each "
    note += "sweep is " + ", ".join(f"{e:.1g}" for e in sweeps)
    error = worst(abs(net.calls - D), gap(quick, x), sweeps[-1], gap(f.forward(x)[0], z))
    return Result(error, note=note)


@entry("MAF-11", code=(MAFLayer.forward,))
def maf_11(rng: np.random.Generator) -> Result:
    r"""Correct, line 83 of the notes.

    printed: $f^{-1}: \bar{x} \mapsto \bar{z}$  - parallel / FAST
    correct: f^{-1}:\bar x\mapsto\bar z\quad\text{in one pass (fast)}

    True: all of x is known, so one evaluation of the network serves every coordinate. This is why a
    MAF is trained by likelihood.
    """
    f, z = layer_and_latents(MAFLayer, rng)
    x, net = sampled(f, z), Counted(f.made)
    at_once, _, _ = dataclasses.replace(f, made=net).forward(x)
    return Result(worst(abs(net.calls - 1), gap(at_once, z)))
