"""IAF for what it is for: reverse KL to a density known only up to its normaliser."""

import numpy as np
import pytest
from scipy.integrate import quad

from minigen.flows import ENERGIES, ActNorm, Flow, Inverse, energy, iaf, log_normalizer
from minigen.flows.normalizer import quadrature
from minigen.prob import Gaussian, StandardNormal
from minigen.training import fit


def rng(seed=0):
    return np.random.default_rng(seed)


def formula(name, a, b):
    """The unnormalised log-density as it is printed."""
    if name == "ring":
        arcs = sum(np.exp(-(((a - m) / 0.6) ** 2) / 2) for m in (-2, 2))
        return np.log(arcs) - ((np.hypot(a, b) - 2) / 0.4) ** 2 / 2
    first = np.sin(np.pi * a / 2)
    second = {
        "wave": 0 * a,
        "split": 3 * np.exp(-(((a - 1) / 0.6) ** 2) / 2),
        "step": 3 / (1 + np.exp(-(a - 1) / 0.3)),
    }[name]
    w = {"wave": (0.4, np.nan), "split": (0.35, 0.35), "step": (0.4, 0.35)}[name]
    f_k = first, first - second
    bands = [np.exp(-(((b - f) / w_k) ** 2) / 2) for f, w_k in zip(f_k, w, strict=True)]
    return np.log(np.nansum(bands, axis=0)) - (a / 4) ** 8 / 2


@pytest.mark.parametrize("name", ENERGIES)
def test_an_energy_is_its_formula_in_the_plane(name):
    x = rng().uniform(-3, 3, (200, 2))
    np.testing.assert_allclose(energy(name).log_prob(x), formula(name, *x.T), rtol=1e-11)
    with pytest.raises(ValueError, match=r"x: expected shape \(N, 2\)"):
        energy(name).log_prob(np.zeros((4, 3)))


@pytest.mark.parametrize("name", ENERGIES)
def test_the_normaliser_by_quadrature_has_converged(name):
    e = energy(name)
    assert abs(quadrature(e, points=401) - quadrature(e, -9.0, 9.0, points=601)) < 1e-9


def test_the_normaliser_of_the_ring_is_its_integral_in_polar_coordinates():
    angle = np.linspace(0, 2 * np.pi, 4096, endpoint=False)

    def around(r):  # both arcs give the same
        arc = np.exp(-0.5 * ((r * np.cos(angle) - 2) / 0.6) ** 2).mean() * 2 * np.pi
        return 2 * arc * r * np.exp(-0.5 * ((r - 2) / 0.4) ** 2)

    total, _ = quad(around, 0, 8, epsabs=0, epsrel=1e-11, limit=200)
    assert abs(np.log(total) - quadrature(energy("ring"))) < 1e-9


def test_an_unknown_energy_is_refused():
    with pytest.raises(ValueError, match="name: expected one of ring, wave, split, step"):
        energy("spiral")


def test_a_perfect_proposal_gives_the_normaliser_without_error():
    """x = exp(s) z + t and the target 3 N(t, exp(2 s)): each weight is 3."""
    s, t = np.array([0.5, -1.0]), np.array([2.0, 3.0])
    flow = Flow(Inverse(ActNorm(s, t)), StandardNormal(2))

    class Tripled(Gaussian):
        def forward(self, x):
            logp, cache = super().forward(x)
            return logp + np.log(3), cache

    got = log_normalizer(flow, Tripled.from_moments(t, np.diag(np.exp(2 * s))), 50, rng=rng(1))
    assert abs(got.estimate - np.log(3)) < 1e-12 and abs(got.bound - np.log(3)) < 1e-12
    assert got.error < 1e-12 and abs(got.efficiency - 1) < 1e-12


def test_the_error_and_the_efficiency_are_those_of_the_weights():
    """Proposal N(0, I), target N(m, I): E[w^2] = exp(|m|^2), so 1 / efficiency is that."""
    n, m = 40_000, np.array([0.3, -0.4])
    flow = iaf(2, 1, (4,), rng=rng(), dtype=np.float64)  # a fresh flow is the identity
    got = log_normalizer(flow, Gaussian.from_moments(m, np.eye(2)), n, rng=rng(2))
    assert abs(got.error / np.sqrt(np.expm1(m @ m) / n) - 1) < 0.05
    assert abs(got.efficiency * np.exp(m @ m) - 1) < 0.05 and abs(got.estimate) < 4.5 * got.error
    assert abs(got.bound + m @ m / 2) < 4.5 * np.sqrt(m @ m / n)
    with pytest.raises(ValueError, match="n: expected an integer >= 2, got 1"):
        log_normalizer(flow, energy("wave"), 1, rng=rng())


def test_iaf_by_reverse_kl_finds_the_normaliser():
    target = energy("wave")
    flow = iaf(2, 4, (32, 32), c=3.0, rng=rng(1))  # 97 % of samples count; 43 to 99 of nine seeds
    fit(flow.reverse_kl(target), flow.base, steps=2000, batch=256, lr=4e-3, clip=5.0, rng=rng(2))
    truth, got = quadrature(target), log_normalizer(flow, target, rng=rng(2))
    assert got.bound - truth < 5 * got.error
    assert truth - got.bound < 0.1  # 0.01 of five seeds
    assert abs(got.estimate - truth) < 6 * got.error + 0.01
    assert got.efficiency > 0.5, str(got)
