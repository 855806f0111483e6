"""Real NVP: NVP-1 to NVP-8."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.check import gradients, jacobian
from minigen.derivations.equation import NotEvaluable, Result, entry
from minigen.derivations.page import figures
from minigen.derivations.tools.compare import gap, logdet, worst
from minigen.derivations.tools.layers import coupling
from minigen.flows import AffineCoupling, Chain, Inverse, Permute

D, d = 7, 3


def layer_and_point(rng: np.random.Generator) -> tuple[AffineCoupling, NDArray]:
    """An affine coupling on D columns, of which it keeps d, and a batch."""
    return coupling(D, rng), rng.standard_normal((5, D))


def scale_shift(f: AffineCoupling, x: NDArray) -> tuple[NDArray, NDArray]:
    """s and t of a batch."""
    return f.scale_shift(x[:, :d], ())[:2]


def by_hand(f: AffineCoupling, x: NDArray) -> tuple[list[float], list[float]]:
    """NVP-4 and its s for one row, in Python floats and sums without rounding: (y_2, s)."""
    net: Any = f.net
    first, _, last = net.layers
    unit = [math.tanh(dot(x[:d], w) + b) for w, b in zip(first.W.T, first.b, strict=True)]
    h = [dot(unit, w) + b for w, b in zip(last.W.T, last.b, strict=True)]
    s = [f.c * math.tanh(r / f.c) for r in h[: D - d]]
    return [float(v) * math.exp(k) + t for v, k, t in zip(x[d:], s, h[D - d :], strict=True)], s


def dot(a: Iterable[float], b: Iterable[float]) -> float:
    """The inner product, rounded once."""
    return math.fsum(float(p) * float(q) for p, q in zip(a, b, strict=True))


@entry("NVP-1", code=(AffineCoupling.forward,), tolerance=0.0)
def nvp_1(rng: np.random.Generator) -> Result:
    r"""Misprint, line 41 of the notes.

    printed: $$f: \bar{x} \mapsto \bar{y} = \begin{pmatrix} y_1 - y_d \\ y_{d+1} - y_0
        \end{pmatrix}$$
    correct: f:\bar x\mapsto\bar y=\begin{pmatrix}y_1\dots y_d\\ y_{d+1}\dots y_D\end{pmatrix}

    Dots were read as minus signs, and the capital D as a zero. Read literally, y would have two
    entries, and one of them contains a y_0 that does not exist.
    """
    f, x = layer_and_point(rng)
    y, _, _ = f.forward(x)
    s, t = scale_shift(f, x)
    parts = np.concatenate([x[:, :d], x[:, d:] * np.exp(s) + t], axis=1)
    gone = NotEvaluable(f"two entries where D = {D} are needed, and there is no y_0")
    return Result(gap(y, parts), gone)


@entry("NVP-2", code=(AffineCoupling.forward,), tolerance=0.0)
def nvp_2(rng: np.random.Generator) -> Result:
    r"""Misprint, line 45 of the notes.

    printed: $$\begin{pmatrix} x_1 \dots x_d \\ x_{d+1} \dots x_0 \end{pmatrix}$$
    correct: \bar x=\begin{pmatrix}x_1\dots x_d\\ x_{d+1}\dots x_D\end{pmatrix}

    Again the zero is a D: the second block holds the D - d columns that the first has left.
    Changing one of them moves its own y and no other.
    """
    f, x = layer_and_point(rng)
    moves = np.any(jacobian(lambda v: f.forward(v)[0], x) != 0, axis=0)
    expected = np.eye(D, dtype=bool)
    expected[d:, :d] = True
    gone = NotEvaluable("the range from d + 1 down to 0 is empty, and there is no x_0")
    return Result(gap(moves.astype(float), expected.astype(float)), gone)


@entry("NVP-3", code=(AffineCoupling.forward, AffineCoupling.backward), tolerance=0.0)
def nvp_3(rng: np.random.Generator) -> Result:
    r"""Misprint, line 47 of the notes.

    printed: $$\bar{y}_{1-d} = \bar{x}_{1-d}$$
    correct: \bar y_{1:d}=\bar x_{1:d}
    gradient: d\bar x_{1:d}=d\bar y_{1:d}+\dots

    A colon became a minus: 1-d is the index range 1:d. The first block is copied without any
    change, to the last bit, because the inverse has to compute the same s and t from it.
    """
    f, x = layer_and_point(rng)
    y, _, _ = f.forward(x)
    gone = NotEvaluable(f"the index 1 - d is {1 - d}")
    return Result(gap(y[:, :d], x[:, :d]), gone, gradients(f, x, rng=rng))


@entry("NVP-4", code=(AffineCoupling.forward, AffineCoupling.backward))
def nvp_4(rng: np.random.Generator) -> Result:
    r"""Misprint, line 49 of the notes.

    printed: $$\bar{y}_{d+1-0} = \bar{x}_{d+1-0} \odot e^{s(\bar{x}_{1-d})} +
        \bar{t}(\bar{x}_{1-d})$$
    correct: \bar y_{d+1:D}=\bar x_{d+1:D}\odot e^{\bar s(\bar x_{1:d})}+\bar t(\bar x_{1:d})
    gradient: d\bar x_2=d\bar y_2\odot e^{\bar s},\quad d\bar t=d\bar y_2,\quad d\bar s
        =d\bar y_2\odot\bar x_2\odot e^{\bar s}+d\ell,\quad d\bar x_1=d\bar y_1+J_s^Td\bar s
        +J_t^Td\bar t

    With d+1:D for the index the formula is right, also the sign of the exponent. It is compared
    with the same network computed one number at a time.
    """
    f, x = layer_and_point(rng)
    y, ell, _ = f.forward(x)
    rows = [by_hand(f, row) for row in x]
    error = worst(
        gap(y[:, d:], [values for values, _ in rows]), gap(ell, [math.fsum(s) for _, s in rows])
    )
    gone = NotEvaluable(f"the index d + 1 - 0 is one column, {D - d} are needed")
    return Result(error, gone, gradients(f, x, rng=rng))


@entry("NVP-5", code=(AffineCoupling.inverse, AffineCoupling.inverse_backward), tolerance=0.0)
def nvp_5(rng: np.random.Generator) -> Result:
    r"""Misprint, line 51 of the notes.

    printed: $$\bar{x}_{1-d} = \bar{y}_{1-d}$$
    correct: \bar x_{1:d}=\bar y_{1:d}
    gradient: d\bar y_{1:d}=d\bar x_{1:d}+\dots

    The same minus for a colon, in the inverse.
    """
    f, y = layer_and_point(rng)
    x, _, _ = f.inverse(y)
    gone = NotEvaluable(f"the index 1 - d is {1 - d}")
    return Result(gap(x[:, :d], y[:, :d]), gone, gradients(Inverse(f), y, rng=rng))


@entry(
    "NVP-6",
    code=(AffineCoupling.inverse, AffineCoupling.inverse_backward),
    figure=figures.wrong_inverse,
)
def nvp_6(rng: np.random.Generator) -> Result:
    r"""Wrong, line 53 of the notes.

    printed: $$\bar{x}_{d+1-0} = \left( \bar{y}_{d+1-0} - \bar{t}(\bar{y}_{1-d}) \right) \odot
        e^{s(\bar{y}_{1-d})}$$
    correct: \bar x_{d+1:D}=\big(\bar y_{d+1:D}-\bar t(\bar y_{1:d})\big)\odot
        e^{-\bar s(\bar y_{1:d})}
    gradient: d\bar y_2=d\bar x_2\odot e^{-\bar s},\quad d\bar t=-d\bar y_2,\quad d\bar s
        =-d\bar x_2\odot\bar x_2-d\ell,\quad d\bar y_1=d\bar x_1+J_s^Td\bar s+J_t^Td\bar t\quad(\ell
        =-\sum_js_j)

    The exponent has lost its minus. NVP-4 multiplies by e to the s, so the inverse must divide by
    it; as printed the scale is applied a second time, and x is recovered only where s is zero.
    """
    f, x = layer_and_point(rng)
    y, ell, _ = f.forward(x)
    back, ell_back, _ = f.inverse(y)
    s, t = scale_shift(f, y)
    as_printed = np.concatenate([y[:, :d], (y[:, d:] - t) * np.exp(s)], axis=1)
    return Result(
        correct=worst(gap(back, x), gap(ell_back, -ell)),
        printed=gap(as_printed, x),
        gradient=gradients(Inverse(f), y, rng=rng),
    )


@entry("NVP-7", code=(AffineCoupling.forward,))
def nvp_7(rng: np.random.Generator) -> Result:
    r"""Wrong, line 55 of the notes.

    printed: $$J = \begin{pmatrix} I & 0 \\ \frac{\partial y_{d+1-0}}{\partial x_{1-d}} & \dots
        \end{pmatrix} e^{s(\bar{x}_{1-d})}$$
    correct: J=\frac{\partial\bar y}{\partial\bar x}=\begin{pmatrix}I_d&0\\ \frac{\partial\bar y_{d
        +1:D}}{\partial\bar x_{1:d}}&\operatorname{diag}\big(e^{\bar s(\bar x_{1:d})}\big)
        \end{pmatrix},\quad\frac{\partial\bar y_2}{\partial\bar x_1}=\operatorname{diag}(\bar x_2
        \odot e^{\bar s})\frac{\partial\bar s}{\partial\bar x_1}
        +\frac{\partial\bar t}{\partial\bar x_1}

    The exponential stands outside the matrix. It belongs into the block with the dots, as a
    diagonal matrix; outside, it would scale the identity too, though the first d columns are never
    scaled.
    """
    f, x = layer_and_point(rng)
    s, _ = scale_shift(f, x)
    e = np.exp(s)
    block = np.zeros((len(x), D, D))
    block[:, :d, :d] = np.eye(d)
    block[:, d:, d:] = e[:, :, None] * np.eye(D - d)
    ds, dt = (jacobian(lambda v, k=k: f.scale_shift(v, ())[k], x[:, :d]) for k in (0, 1))
    block[:, d:, :d] = (x[:, d:] * e)[:, :, None] * ds + dt
    J = jacobian(lambda v: f.forward(v)[0], x)
    outside = [gap(k[:, None, None] * np.eye(d), J[:, :d, :d]) for k in e.T]
    return Result(gap(block, J), min(outside))


@entry(
    "NVP-8", code=(AffineCoupling.forward, AffineCoupling.backward), figure=figures.two_determinants
)
def nvp_8(rng: np.random.Generator) -> Result:
    r"""Misprint, line 57 of the notes.

    printed: $$\det \left| \frac{d \bar{f}}{d \bar{x}} \right| = e^{\sum_{j=d+1}^D
        s_j(\bar{x}_{1-d})}$$
    correct: \left|\det\frac{d\bar f}{d\bar x}\right|=e^{\sum_{j=d+1}^{D}s_j(\bar x_{1:d})}
    gradient: \frac{\partial\ell}{\partial s_j}=1;\quad s=c\tanh(r/c):\ d\bar r=d\bar s\odot\big(1
        -(\bar s/c)^2\big)

    The bars and det are in the wrong order. The determinant of the entrywise absolute values is the
    same for one coupling, because its Jacobian is triangular with a positive diagonal; two
    couplings with a swap between them show the difference.
    """
    f, x = layer_and_point(rng)
    two = Chain((f, Permute.halves(D), coupling(D, rng)))
    errors, J = [], None
    for g in (f, two):
        _, ell, _ = g.forward(x)
        J = jacobian(lambda v, g=g: g.forward(v)[0], x)
        errors.append(gap(ell, logdet(J)))
    return Result(worst(*errors), gap(logdet(np.abs(J)), ell), gradients(two, x, rng=rng))
