"""Change of variables in a chain of maps: CV-7 to CV-10."""

import numpy as np
from numpy.typing import NDArray

from minigen.check import gradients, jacobian
from minigen.derivations.entries.cv import base, forward_of, inverse_of
from minigen.derivations.equation import Result, entry
from minigen.derivations.tools.compare import gap, log_gaussian, logdet, worst
from minigen.derivations.tools.layers import linear, nonlinear_chain
from minigen.flows import Chain, Flow, Inverse


@entry("CV-7", code=(Chain.inverse, Flow.forward))
def cv_7(rng: np.random.Generator) -> Result:
    r"""Wrong, line 29 of the notes.

    printed: $$p_k(\bar{z}_k) = p_k(f_k^{-1}(\bar{z}_k)) \cdot \left| \det \frac{d f_k^{-1}}{d
        \bar{z}_k} \right| = \dots$$
    correct: p_k(\bar z_k)=p_{k-1}\big(f_k^{-1}(\bar z_k)\big)\left|\det\frac{df_k^{-1}}{d\bar z_k}
        \right|=\dots

    One index is wrong. The inverse of the k-th map gives z_{k-1}, so the density of step k - 1
    belongs on the right.
    """
    f1, f2, q = linear(3, rng), linear(3, rng), base(3, rng)
    p1, p2 = (Flow(Inverse(Chain(maps)), q) for maps in [(f1,), (f1, f2)])
    z2 = rng.standard_normal((5, 3))
    z1, ell, _ = f2.inverse(z2)
    W = f2.forward(f1.forward(np.eye(3))[0])[0]
    truth = log_gaussian(z2, np.zeros(3), W.T @ q.Sigma @ W)
    correct = worst(gap(p1.log_prob(z1) + ell, truth), gap(p2.log_prob(z2), truth))
    return Result(correct, printed=gap(p2.log_prob(z1) + ell, truth))


@entry("CV-8", code=(Chain.forward, Chain.inverse))
def cv_8(rng: np.random.Generator) -> Result:
    r"""Correct, line 31 of the notes.

    printed: $$p_k(\bar{z}_k) = q(\bar{z}_0) \cdot \left| \det \frac{d f_1^{-1}}{d \bar{z}_1}
        \right| \left| \det \frac{d f_2^{-1}}{d \bar{z}_2} \right| \dots \left| \det
        \frac{d f_k^{-1}}{d \bar{z}_k} \right|$$
    correct: p_k(\bar z_k)=q(\bar z_0)\prod_{i=1}^{k}\left|\det\frac{df_i^{-1}}{d\bar z_i}\right|,
        \quad \bar z_{i-1}=f_i^{-1}(\bar z_i)

    True: determinants of a composition multiply, each taken at the input of its own layer. The
    chain's sum is compared with the Jacobian of the whole composed map.
    """
    f, q, z = nonlinear_chain(4, rng), base(4, rng), rng.standard_normal((5, 4))
    y, ell, _ = f.forward(z)
    back, ell_back, _ = f.inverse(y)
    truth = q.log_prob(z) - logdet(jacobian(forward_of(f), z))
    whole = q.log_prob(back) + logdet(jacobian(inverse_of(f), y))
    products = gap(q.log_prob(z) - ell, truth), gap(q.log_prob(back) + ell_back, truth)
    return Result(worst(*products, gap(whole, truth)))


def along(f: Chain, z: NDArray) -> tuple[NDArray, list[NDArray]]:
    """(z_k, [log|det df_i/dz_{i-1}| by complex step]) of a chain from z_0."""
    ells = []
    for layer in f.layers:
        ells.append(logdet(jacobian(forward_of(layer), z)))
        z = layer.forward(z)[0]
    return z, ells


@entry("CV-9", code=(Chain.inverse, Chain.inverse_backward))
def cv_9(rng: np.random.Generator) -> Result:
    r"""Misprint, line 33 of the notes.

    printed: $$\log p_k(\bar{z}_k) = \log q(\bar{z}_0) + \sum_{k=1}^k \log \left| \det
        \frac{d f_k^{-1}}{d \bar{z}_k} \right| \xrightarrow{\theta} \max$$
    correct: \log p_k(\bar z_k)=\log q(\bar z_0)+\sum_{i=1}^{k}\log\left|\det\frac{df_i^{-1}}{d
        \bar z_i}\right|\xrightarrow{\theta}\max
    gradient: \ell=\sum_i\ell_i:\quad d\ell_i=d\ell,\quad d\bar z_i
        =\Big(\frac{\partial\bar z_{i-1}}{\partial\bar z_i}\Big)^Td\bar z_{i-1}+d\ell\,
        \frac{\partial\ell_i}{\partial\bar z_i}

    The sum runs over k up to k: the letter of the depth is used again for the index. Code that
    follows it literally adds the last layer's term k times. Call the index i.
    """
    f, q, z = nonlinear_chain(4, rng), base(4, rng), rng.standard_normal((5, 4))
    y, ells = along(f, z)
    back, ell, _ = f.inverse(y)
    truth = q.log_prob(z) - logdet(jacobian(forward_of(f), z))
    captured = q.log_prob(z) - len(ells) * ells[-1]
    return Result(
        correct=gap(q.log_prob(back) + ell, truth),
        printed=gap(captured, truth),
        gradient=gradients(Inverse(f), y, rng=rng),
    )


@entry("CV-10", code=(Chain.forward, Chain.backward))
def cv_10(rng: np.random.Generator) -> Result:
    r"""Misprint, line 35 of the notes.

    printed: $$= \log q(\bar{z}_0) - \sum_{k=1}^k \log \left| \det \frac{d f_k}{d \bar{z}_{k-1}}
        \right|$$
    correct: \log p_k(\bar z_k)=\log q(\bar z_0)-\sum_{i=1}^{k}\log\left|\det\frac{df_i}{d\bar z_{i
        -1}}\right|
    gradient: d\ell_i=d\ell,\quad d\bar z_{i-1}=\Big(\frac{\partial f_i}{\partial\bar z_{i-1}}
        \Big)^Td\bar z_i+d\ell\,\frac{\partial\ell_i}{\partial\bar z_{i-1}}

    Again the same letter for the depth and the index. The change of sign is right: the determinant
    of each layer's inverse is one over that of the layer. Since the terms add, every layer receives
    the same d logdet.
    """
    f, q, z = nonlinear_chain(4, rng), base(4, rng), rng.standard_normal((5, 4))
    y, ells = along(f, z)
    _, ell, _ = f.forward(z)
    truth = q.log_prob(z) + logdet(jacobian(inverse_of(f), y))
    return Result(
        correct=worst(gap(q.log_prob(z) - ell, truth), gap(sum(ells), ell)),
        printed=gap(q.log_prob(z) - len(ells) * ells[-1], truth),
        gradient=gradients(f, z, rng=rng),
    )
