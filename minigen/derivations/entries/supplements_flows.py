"""Supplements of the autoregressive flows: S-MADE, S-IAF, S-DUAL."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.check import gradients, jacobian
from minigen.core import tree
from minigen.core.contract import Cache
from minigen.derivations.equation import Result, entry
from minigen.derivations.tools.compare import gap, logdet, worst
from minigen.derivations.tools.layers import D, layer_and_latents
from minigen.flows import MADE, IAFLayer, MAFLayer, MaskedLinear, d_passes


@entry(
    "S-MADE",
    code=(MaskedLinear.forward, MaskedLinear.backward, MADE.forward, MADE.backward),
    tolerance=0.0,
)
def s_made(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: h=\tanh\big((M^{(1)}\odot W^{(1)})x+b^{(1)}\big),\quad (\mu,\alpha)=(M^{(2)}\odot
        W^{(2)})h+b^{(2)};\quad M^{(1)}_{ki}=[m_k\ge i],\quad M^{(2)}_{ik}=[i>m_k]
    gradient: dW=M\odot(x^Tdy),\quad db=\sum_ndy_n,\quad dx=dy\,(M\odot W)^T

    Each unit has a degree: the number of first coordinates that it may depend on. The masks follow
    from the degrees. At the output the inequality is strict, so that the parameters of x_i do not
    depend on x_i. The derivatives above the diagonal are exact zeros.
    """
    made = tree.perturbed(MADE.init(D, (9, 8), rng=rng, dtype=np.float64, activation="tanh"), rng)
    x = rng.standard_normal((4, D))
    parts = [jacobian(lambda v, k=k: made.forward(v)[0][..., k], x) for k in (0, 1)]
    seen = all(np.tril(J, -1)[:, 1:].any() for J in parts)
    error = worst(*(gap(np.triu(J), np.zeros_like(J)) for J in parts))
    return Result(error if seen else np.inf, gradient=gradients(made, x, rng=rng))


@entry("S-IAF", code=(IAFLayer.forward, IAFLayer.backward))
def s_iaf(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: \left|\det\frac{d\bar x}{d\bar z}\right|=\prod_{i=1}^D\sigma_i(\bar z_{1:i-1})
    gradient: d\bar\alpha=\dots+d\ell

    The determinant of the IAF, which the notes do not give: as in MAF-9 the matrix is triangular
    with the sigmas on its diagonal, here as functions of z.
    """
    f, z = layer_and_latents(IAFLayer, rng, "random")
    x, ell, _ = f.forward(z)
    truth = logdet(jacobian(lambda v: f.forward(v)[0], z))
    error = worst(gap(ell, truth), gap(-f.inverse(x)[1], truth))
    return Result(error, gradient=gradients(f, z, rng=rng))


class Dual:
    """A MADE whose (mu, alpha) are made into (-mu / sigma, -alpha), under the same bound c."""

    def __init__(self, made: MADE, c: float) -> None:
        self.made, self.c = made, c

    def __getattr__(self, name: str) -> Any:
        return getattr(self.made, name)

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        h, cache = self.made.forward(x)
        alpha = self.c * np.tanh(h[..., 1] / self.c)
        return np.stack([-h[..., 0] * np.exp(-alpha), -h[..., 1]], axis=-1), cache


@entry("S-DUAL", code=(IAFLayer.inverse, MAFLayer.solve, d_passes))
def s_dual(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: \mathrm{IAF}^{-1}(\mu,\sigma)\equiv\text{MAF sampler}(-\mu/\sigma,\,1/\sigma)

    The inverse of an IAF is the sampler of a MAF: a division by sigma is a multiplication by
    another sigma. Two independent files of the package must agree.
    """
    f, x = layer_and_latents(IAFLayer, rng, "random")
    z, ell, _ = f.inverse(x)
    dual: Any = Dual(f.made, f.c)
    sampled, ell_sampled = d_passes(dual, x, MAFLayer(dual, f.c).solve)
    return Result(worst(gap(sampled, z), gap(ell_sampled, ell)))
