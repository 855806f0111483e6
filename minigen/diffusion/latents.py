"""From data to the noise they come from, and between two latents."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from minigen.core.blocks import in_blocks
from minigen.diffusion.predict import Convert
from minigen.diffusion.reverse import ReverseProcess

WAYS = ("ode", "ddim")  # the samplers that are maps


def ddim_inversion(
    reverse: ReverseProcess, x: NDArray, times: Sequence[int] | NDArray, label: NDArray | None
) -> NDArray:
    """x_T from x_0 by the step of DDIM upwards (Song, Meng & Ermon 2021, section 4.3).

        x_s = sqrt(A_s) (x_t - sqrt(1 - A_t) eps) / sqrt(A_t) + sqrt(1 - A_s) eps,   s > t

    with eps = eps(x_t, t), where the way down has eps(x_s, s): so the two are each other's inverse
    as the steps become short, with an error in proportion to their length. The network knows no
    t = 0; the first step takes its eps at the first of `times`.
    """
    signal = np.sqrt(reverse.schedule.alpha_bar).tolist()
    noise = np.sqrt(reverse.schedule.one_minus_alpha_bar).tolist()
    to_eps = Convert(reverse.schedule, reverse.predict, "eps")
    for t, s in zip([0, *times[:-1]], times, strict=True):
        now = np.array([max(t, times[0])])
        (out,) = in_blocks(lambda x, k: reverse.prediction(x, now, k)[:1], (x, label))  # noqa: B023
        eps = to_eps.forward(x, out, t=now)[0]
        x = signal[s] / signal[t] * (x - noise[t] * eps) + noise[s] * eps
    return x


def spherical(a: NDArray, b: NDArray, w: NDArray) -> NDArray:
    """From a to b (D,) along the arc between them, at the shares w (n,): (n, D).

        (sin((1 - w) theta) a + sin(w theta) b) / sin theta,   theta the angle between a and b

    (Shoemake 1985). Nearly all of N(0, I) lies at one length, sqrt(D); a straight line between two
    of its points leaves that shell, the arc stays in it. Where theta is 0 or pi: a straight line.
    """
    cos = a @ b / np.maximum(np.linalg.norm(a) * np.linalg.norm(b), np.finfo(a.dtype).tiny)
    theta = np.arccos(np.clip(cos, -1, 1))
    sin = np.sin(theta)
    w = w[:, None].astype(a.dtype)
    if sin < 1e-4:
        return (1 - w) * a + w * b
    return (np.sin((1 - w) * theta) * a + np.sin(w * theta) * b) / sin
