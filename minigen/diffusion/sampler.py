"""From noise to data: ancestral sampling and DDIM.

Each is a generator of (t, x_t) for t = T-1 or so down to 0, so that a picture can watch it.
"""

import numpy as np

from minigen.diffusion.predict import Convert
from minigen.diffusion.schedule import jump
from minigen.prob.gaussian import standard_normal

SAMPLERS = ("ancestral", "ddim", "ode")


def ancestral(model, x, *, rng, label=None):
    """x_{t-1} ~ p(x_{t-1} | x_t) for t = T..1, the decoder p(x_0 | x_1) included.

    x_{t-1} = mu + sigma z, z ~ N(0, I)                                (Ho et al. 2020, alg. 2)
    """
    for t in range(model.schedule.T, 0, -1):
        now = np.array([t])
        out, logvar, _ = model.step(x, now, label)
        mu, _ = model.mean.forward(x, out, t=now)
        x = mu + np.exp(logvar / 2) * standard_normal(x.shape, rng=rng, dtype=x.dtype.type)
        yield t - 1, x


def ddim(model, x, *, rng, times, eta=0.0, label=None):
    """Denoising diffusion implicit models (Song, Meng & Ermon 2021, eq. 12).

        x_s = sqrt(A_s) x0 + sqrt(1 - A_s - sigma^2) eps + sigma z
        sigma^2 = eta^2 (1 - A_s) / (1 - A_t) (1 - A_t / A_s)

    from t to the next s of `times` (S,), increasing, and to 0 at last. eta = 0 is a map without
    noise; eta = 1 over all times is the ancestral step with variance beta_tilde.
    """
    schedule = model.schedule
    for t, s in zip(times[::-1], [*times[:-1][::-1], 0], strict=True):
        out, _ = model.prediction(x, np.array([t]), label)
        x0, eps = (
            Convert(schedule, model.predict, kind).forward(x, out, t=np.array([t]))[0]
            for kind in ("x0", "eps")
        )
        signal, fresh, kept = ddim_weights(schedule, t, s, eta)
        x = signal * x0 + kept * eps
        if fresh > 0:
            x += fresh * standard_normal(x.shape, rng=rng, dtype=x.dtype.type)
        yield int(s), x


def ddim_weights(schedule, t, s, eta):
    """sqrt(A_s), sigma and sqrt(1 - A_s - sigma^2) of the step from t to s < t."""
    rest, (alpha, beta) = schedule.one_minus_alpha_bar, jump(schedule, s, t)
    variance = rest[s] * (eta**2 * beta / rest[t])
    kept = rest[s] * ((1 - eta**2) * beta + alpha * rest[s]) / rest[t]
    return float(np.sqrt(schedule.alpha_bar[s])), float(np.sqrt(variance)), float(np.sqrt(kept))
