"""The update of Adam over one flat vector of parameters, in one pass over memory."""

import numpy as np
from numpy.typing import NDArray

from minigen.kernels.jit import kernel


def adam_numpy(
    theta: NDArray, g: NDArray, m: NDArray, v: NDArray, a1: float, a2: float, size: float,
    eps: float,
) -> None:  # fmt: skip
    """Adam (Kingma & Ba 2015), in place: a1 = 1 - b1 and a2 = 1 - b2 are the shares of the new.

    `size` and `eps` hold the bias corrections.
    """
    m += a1 * (g - m)
    v += a2 * (g * g - v)
    theta -= size * m / (np.sqrt(v) + eps)


@kernel(adam_numpy)
def adam(
    theta: NDArray, g: NDArray, m: NDArray, v: NDArray, a1: float, a2: float, size: float,
    eps: float,
) -> None:  # fmt: skip
    if not theta.size == g.size == m.size == v.size:
        raise ValueError("theta (P,), g (P,), m (P,), v (P,)")
    for i in range(theta.size):
        m[i] += a1 * (g[i] - m[i])
        v[i] += a2 * (g[i] * g[i] - v[i])
        theta[i] -= size * m[i] / (np.sqrt(v[i]) + eps)
