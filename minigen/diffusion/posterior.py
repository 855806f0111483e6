"""The posterior q(x_{t-1} | x_t, x_0): its mean and its density, for times 1..T."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from minigen.core.contract import Cache, Grads, Layer
from minigen.core.numeric import LOG_2PI
from minigen.core.tree import const
from minigen.diffusion.schedule import Schedule, at


@dataclass(frozen=True, eq=False, repr=False)
class PosteriorMean(Layer):
    """The mean of q(x_{t-1} | x_t, x_0); at t = 1 it is x_0 itself (S-DIF-t1).

        mu_tilde = sqrt(alpha_t) (1 - A_{t-1}) / (1 - A_t) x_t
                   + beta_t sqrt(A_{t-1}) / (1 - A_t) x_0               DIF-20

    Shapes: xt (N, D), x0 (N, D), given t (N,) -> (N, D).
    """

    schedule: Schedule = const()

    @cached_property
    def weights(self) -> tuple[NDArray, NDArray]:
        """(k_t, k_0), (T+1,) each: mu_tilde = k_t x_t + k_0 x_0; NaN at t = 0."""
        s = self.schedule
        rest = np.append(np.nan, s.one_minus_alpha_bar[1:])
        before = np.append(np.nan, s.one_minus_alpha_bar[:-1])
        A_before = np.append(np.nan, s.alpha_bar[:-1])
        return np.sqrt(s.alpha) * before / rest, s.beta * np.sqrt(A_before) / rest

    def forward(self, xt: NDArray, x0: NDArray, *, t: NDArray) -> tuple[NDArray, Cache]:
        k_t, k_0 = (at(k, t, xt.dtype) for k in self.weights)
        return k_t * xt + k_0 * x0, (k_t, k_0)  # DIF-20

    def backward(self, dmu: NDArray, cache: Cache) -> tuple[NDArray, NDArray, Grads]:
        k_t, k_0 = cache
        return k_t * dmu, k_0 * dmu, {}  # DIF-20


@dataclass(frozen=True, eq=False, repr=False)
class PosteriorDensity(Layer):
    """log q(x_{t-1} | x_t, x_0) for t = 2..T, a Gaussian about mu_tilde.

        log q = -|x_{t-1} - mu_tilde|^2 / (2 beta_tilde_t) - D/2 log(2 pi beta_tilde_t)   DIF-15

    Shapes: x (N, D), which is x_{t-1}; mu (N, D), which is mu_tilde; given t (N,) -> logq (N,).
    """

    schedule: Schedule = const()

    def forward(self, x: NDArray, mu: NDArray, *, t: NDArray) -> tuple[NDArray, Cache]:
        tilde = at(self.schedule.beta_tilde, t, x.dtype)
        r = x - mu
        logq = -(r * r / tilde + LOG_2PI + np.log(tilde)).sum(axis=1) / 2  # DIF-15
        return logq, (r, tilde)

    def backward(self, dlogq: NDArray, cache: Cache) -> tuple[NDArray, NDArray, Grads]:
        r, tilde = cache
        dx = -r / tilde * dlogq[:, None]  # DIF-15
        return dx, -dx, {}
