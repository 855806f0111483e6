"""Supplements of the networks of pictures: S-CONV, S-GN, S-ATT, S-CAUSAL, S-SQUEEZE."""

import numpy as np
from numpy.typing import NDArray

from minigen.check import gradients, jacobian
from minigen.core import tree
from minigen.core.contract import Layer
from minigen.derivations.equation import Result, entry
from minigen.derivations.tools.compare import gap, logdet, worst
from minigen.flows import EachPixel, InvertibleLinear, Squeeze
from minigen.flows.key_value import attend, attend_backward
from minigen.nn import Conv2d, GroupNorm, SelfAttention
from minigen.nn.attention import softmax
from minigen.nn.conv import turned

SHAPE = (2, 3, 4, 2)  # N, H, W, C


def flat_jacobian(layer: Layer, x: NDArray) -> NDArray:
    """The Jacobian (N, E, D) of a layer of pictures, which are taken as rows, by complex step."""
    rows = x.reshape(len(x), -1)
    return jacobian(
        lambda v: layer.forward(v.reshape(-1, *x.shape[1:]))[0].reshape(len(v), -1), rows
    )


def pulled(J: NDArray, dy: NDArray) -> NDArray:
    """dy^T J, row by row."""
    return np.einsum("ne,ned->nd", dy.reshape(len(dy), -1), J)


@entry("S-CONV", code=(Conv2d.forward, Conv2d.backward))
def s_conv(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: y_{ij}=\sum_{p,q=-r}^{r}x_{i+p,j+q}W_{pq}\;\Rightarrow\;
        dx_{ij}=\sum_{p,q=-r}^{r}dy_{i+p,j+q}W_{-p,-q}^T
    gradient: dx=dy*W',\quad W'_{pq}=W_{-p,-q}^T,\quad dW_{-p,-q}=\sum_{ij}x_{ij}^Tdy_{i+p,j+q}

    An input is seen by the outputs around it: by the one p rows below through the filter's row -p.
    So its gradient is a convolution again, with the filter turned by half a turn. The other side of
    the comparison is the whole matrix of the map, transposed.
    """
    f = tree.perturbed(Conv2d.init(2, 3, rng=rng), rng)
    x, dy = rng.standard_normal(SHAPE), rng.standard_normal((*SHAPE[:3], 3))
    back = Conv2d(turned(f.W), np.zeros(2))
    by_matrix = pulled(flat_jacobian(f, x), dy).reshape(x.shape)
    return Result(gap(back.forward(dy)[0], by_matrix), gradient=gradients(f, x, rng=rng))


@entry("S-GN", code=(GroupNorm.forward, GroupNorm.backward))
def s_gn(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: u=\frac{x-m}{s}\;\Rightarrow\;
        \frac{\partial u_k}{\partial x_l}=\frac{1}{s}\Big([k=l]-\frac{1}{M}-\frac{u_ku_l}{M}\Big)
    gradient: dx=\frac{1}{s}\big(du-\overline{du}-u\,\overline{u\,du}\big),\quad
        du=\gamma\odot dy

    M numbers of a group share one mean m and one standard deviation s, with eps inside its root. So
    their Jacobian is the identity less two projections: no step in x can move the mean of u, or its
    spread.
    """
    f = tree.perturbed(GroupNorm.init(2, 1, dtype=np.float64), rng)
    x = rng.standard_normal(SHAPE)
    plain = GroupNorm(np.ones(2), np.zeros(2), 1)
    rows = x.reshape(len(x), -1)
    M = rows.shape[1]
    m, s = rows.mean(axis=1, keepdims=True), np.sqrt(rows.var(axis=1, keepdims=True) + plain.eps)
    u = (rows - m) / s
    formula = (np.eye(M) - 1 / M - u[:, :, None] * u[:, None] / M) / s[:, :, None]
    error = gap(flat_jacobian(plain, x), formula)
    return Result(error, gradient=gradients(f, x, rng=rng))


@entry("S-ATT", code=(SelfAttention.forward, SelfAttention.backward))
def s_att(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: A_l=\frac{e^{S_l}}{\sum_me^{S_m}}\;\Rightarrow\;
        \frac{\partial A_l}{\partial S_m}=A_l\,([l=m]-A_m)
    gradient: dA=dO\,V^T,\quad dV=A^TdO,\quad dS=A\odot\Big(dA-\sum_ldA_lA_l\Big),\quad
        dQ=\frac{dS\,K}{\sqrt d},\quad dK=\frac{dS^TQ}{\sqrt d}

    A row of attention sums to 1, so what all its weights want in common cannot be had: that mean,
    weighted by A, is taken out of dA.
    """
    S = rng.standard_normal((3, 5))
    A = softmax(S.copy())
    formula = A[:, :, None] * (np.eye(5) - A[:, None])
    error = gap(jacobian(lambda v: softmax(v.copy()), S), formula)
    f = tree.perturbed(SelfAttention.init(2, 2, rng=rng), rng)
    return Result(error, gradient=gradients(f, rng.standard_normal(SHAPE), rng=rng))


@entry("S-CAUSAL", code=(SelfAttention.forward, attend, attend_backward))
def s_causal(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: S_{lm}=-\infty\ (m>l)\;\Rightarrow\;o_l=\sum_{m\le l}A_{lm}V_m,\quad
        A_{lm}=\frac{e^{S_{lm}}}{\sum_{k\le l}e^{S_{lk}}}
    gradient: dV_m=\sum_{l\ge m}A_{lm}\,do_l,\quad
        dK_m=\sum_{l\ge m}\frac{dS_{lm}\,Q_l}{\sqrt d},\quad
        dQ_l=\sum_{m\le l}\frac{dS_{lm}\,K_m}{\sqrt d}

    Forward, token l needs the keys and values up to l: they are kept, and each token is computed
    once, in order. In the adjoint every arrow is turned: token m needs what the tokens from m on
    have sent to its key and value. So it goes from the last token to the first, and keeps dK and
    dV. The other side of the comparison is the pass over all tokens at once.
    """
    f = tree.perturbed(SelfAttention.init(4, 2, causal=True, rng=rng), rng)
    N, L, C = 3, 5, 4
    x, dy = rng.standard_normal((2, N, 1, L, C))
    y, cache = f.forward(x)
    dx, _ = f.backward(dy, cache)
    kept, dkept = np.zeros((2, 2, N, f.heads, L, C // f.heads))
    token = [slice(k, k + 1) for k in range(L)]
    steps = [attend(f, (kept[0], kept[1]), k, x[:, :, token[k]]) for k in range(L)]
    error = gap(np.concatenate([step for step, _ in steps], axis=2), y)
    for k in reversed(range(L)):
        memories = (kept[0], kept[1]), (dkept[0], dkept[1])
        back, _ = attend_backward(f, *memories, dy[:, :, token[k]], steps[k][1])
        error = worst(error, gap(back, dx[:, :, token[k]]))
    return Result(error, gradient=gradients(f, x, rng=rng))


@entry("S-SQUEEZE", code=(EachPixel.forward, EachPixel.backward, Squeeze.forward))
def s_squeeze(rng: np.random.Generator) -> Result:
    r"""Supplement.

    correct: y_{ij}=x_{ij}W\;\Rightarrow\;\log\left|\det\frac{dy}{dx}\right|=HW\log|\det W|;\quad
        y=\mathrm{squeeze}(x)\;\Rightarrow\;\log\left|\det\frac{dy}{dx}\right|=0
    gradient: dx_{ij}=dy_{ij}W^T,\quad dW=\sum_{ij}x_{ij}^Tdy_{ij}+HW\,d\ell\,W^{-T}

    One matrix at every pixel is a block-diagonal matrix with H W equal blocks: their determinants
    multiply. A squeeze only moves numbers, so it is a permutation.
    """
    f = EachPixel(tree.perturbed(InvertibleLinear.init(2, rng=rng), rng))
    x = rng.standard_normal((2, 2, 4, 2))
    truth = logdet(flat_jacobian(f, x))
    moved = logdet(flat_jacobian(Squeeze(), x))
    error = worst(gap(f.forward(x)[1], truth), gap(Squeeze().forward(x)[1], moved))
    return Result(error, gradient=gradients(f, x, rng=rng))
