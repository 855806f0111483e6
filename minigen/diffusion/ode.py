"""The probability-flow ODE: the same marginals without noise, and an exact likelihood."""

import functools

import numpy as np
from scipy.integrate import solve_ivp
from scipy.interpolate import PchipInterpolator

from minigen.core import validate

LOG_2PI = float(np.log(2 * np.pi))


@functools.lru_cache(maxsize=16)
def clock(schedule):
    """phi(t) for real t in 0..T: sqrt(A_t) = cos phi, sqrt(1 - A_t) = sin phi; monotone, C1."""
    noise, signal = np.sqrt(schedule.one_minus_alpha_bar), np.sqrt(schedule.alpha_bar)
    return PchipInterpolator(np.arange(schedule.T + 1), np.arctan2(noise, signal))


def velocity_weights(kind, phi):
    """(p, q): v = p x + q prediction, where v = dx/dphi = cos(phi) eps - sin(phi) x_0."""
    signal, noise = np.cos(phi), np.sin(phi)
    if kind == "eps":
        return -noise / signal, 1 / signal
    if kind == "x0":
        return signal / noise, -1 / noise
    return 0.0, 1.0


def velocity(model, x, t, label):
    """dx/dt and the cache of `divergence`.

        x = cos(phi) x_0 + sin(phi) eps,  dx/dt = phi'(t) v(x, t)      (Song et al. 2021, as v)

    Below t = 1 the network has not been trained: there its eps at t = 1 is scaled by
    tan(phi) / tan(phi_1), as it would be if the score stood still.
    """
    phi, rate = clock(model.schedule)(t), clock(model.schedule)(t, 1)
    known = clock(model.schedule)(max(t, 1.0))
    p, q = velocity_weights(model.predict, known)
    if t < 1:
        r = np.tan(phi) / np.tan(known) * np.cos(known) / np.cos(phi)
        p, q = r * (p + np.tan(known)) - np.tan(phi), r * q  # by eps = sin(phi) x + cos(phi) v
    out, net = model.prediction(x, np.array([max(t, 1.0)]), label)
    return rate * (p * x + q * out), (rate * p, rate * q, net)


def divergence(model, x, cache):
    """The trace of d velocity / dx, exact: D backward passes; (N,)."""
    p, q, net = cache
    trace = np.full(len(x), p * x.shape[1])
    for d in range(x.shape[1]):
        dout = np.zeros_like(x)
        dout[:, d] = q
        trace += model.prediction_backward(dout, net)[0][:, d]
    return trace


def solve(rate, state, start, stop, tolerance):
    """The state after integrating d state / dt = rate(t, state) from start to stop."""
    found = solve_ivp(rate, (start, stop), state, rtol=tolerance, atol=tolerance)
    if not found.success:
        raise FloatingPointError(f"probability-flow ODE: {found.message}")
    return found.y[:, -1]


def sample(model, x, *, label=None, tolerance=1e-4):
    """x_0 (N, D) from x_T (N, D) along the ODE, in float64."""
    model = continuous(model)

    def rate(t, state):
        return velocity(model, state.reshape(x.shape), t, label)[0].ravel()

    final = solve(rate, x.astype(np.float64).ravel(), model.schedule.T, 0, tolerance)
    return final.reshape(x.shape)


def log_prob(model, x0, *, label=None, tolerance=1e-5):
    """log p(x_0) of the ODE model in nats, (N,), in float64.

    log p(x_0) = log N(x_T; 0, I) + integral of div(dx/dt) over t = 0..T    (Chen et al. 2018)
    """
    model, (N, D) = continuous(model), x0.shape

    def rate(t, state):
        x = state[N:].reshape(N, D)
        dx, cache = velocity(model, x, t, label)
        return np.concatenate([divergence(model, x, cache), dx.ravel()])

    state = np.concatenate([np.zeros(N), x0.astype(np.float64).ravel()])
    final = solve(rate, state, 0, model.schedule.T, tolerance)
    xT = final[N:].reshape(N, D)
    return final[:N] - (D * LOG_2PI + (xT * xT).sum(axis=1)) / 2


def continuous(model):
    """The model in float64, if its prediction has a meaning between the steps."""
    if model.predict == "mu":
        raise validate.expected("predict", "eps, x0 or v for the ODE", "'mu'")
    return model.astype(np.float64)
