"""Diffusion: the ELBO term by term, the forward and the reverse process, moons and digits."""

from dataclasses import replace

import numpy as np

from minigen.cli.chapter import Chapter, Family, Model, Recipe, Shot
from minigen.cli.chapters.coupling import nearest
from minigen.cli.datasets import dataset
from minigen.cli.results import Row, mean
from minigen.core import validate
from minigen.data import baselines
from minigen.diffusion import cosine_schedule, ddpm
from minigen.training import fit

RECIPES = {
    "toy": Recipe(steps=4000, layers=3, hidden=(128,), batch=512, lr=4e-3, ema=0.999),
    "digits": Recipe(steps=3000, layers=2, hidden=(192,), batch=128, lr=3e-3, ema=0.995),
}
STEPS = {"moons": (2500, 150), "digits": (1500, 120)}  # of the demo: full, quick
SCHEDULES = {"toy": cosine_schedule(200), "digits": cosine_schedule(10, 0.1)}
POINTS = 3000  # test points of a bound, which costs T passes
FRAMES = 6
TEXT = """The forward process turns data into noise in T small steps; the network learns to undo
one step at a time. Its negative log-likelihood is bounded by L = L_0 + L_1 + ... + L_T, and every
term is exact given the noise. Where the truth is known, the bound must lie above the entropy, and
by how much says what the model has not learned. The probability-flow ODE gives the likelihood of
the same network without a bound. The digits' terms are those of the discrete grey levels."""


def build(dataset, recipe, rng):
    """Fixed variances in the plane; for digits free ones, and the label as a condition."""
    if len(recipe.hidden) != 1:
        raise validate.expected("--hidden", "one width for a diffusion model", recipe.hidden)
    extra = {"levels": dataset.levels, "variance": "free", "classes": 10} if dataset.levels else {}
    return ddpm(
        dataset.features, SCHEDULES[dataset.kind], hidden=recipe.hidden[0], blocks=recipe.layers,
        rng=rng, **extra,
    )  # fmt: skip


def fit_ddpm(model, dataset, recipe, *, rng, progress=None):
    data, held_out = dataset.train, dataset.validation
    if model.classes:
        data, held_out = ((p.x, p.y) for p in (dataset.source.train, dataset.source.validation))
    return fit(model, data, validation=held_out, rng=rng, progress=progress, **recipe.training)


def sample_ddpm(model, n, *, rng):
    """Samples; of a model with classes, one class after the other."""
    return model.sample(n, rng=rng, **labelled(model, n))


def labelled(model, n):
    """The labels of n samples, where the model has classes."""
    return {"label": np.arange(n) % model.classes} if model.classes else {}


def measure_ddpm(name, model, dataset, *, rng):
    """The bound beside the truth, and the ODE's likelihood; bits per dimension of digits."""
    if model.levels != dataset.levels:
        got = f"one of {model.levels or 'continuous'} levels"
        raise validate.expected(name, f"a model of data with {dataset.levels} levels", got)
    x = dataset.test(rng)[:POINTS]
    bound = model.elbo(x, rng=rng)
    if dataset.levels:
        given = model.elbo(x, rng=rng, label=dataset.source.test.y)
        told, measure = {"given the label": given.bits_per_dim}, "bits/dim, discrete (bound)"
        beside = told | baselines(dataset.source)
        return [
            Row(name, dataset.name, measure, bound.bits_per_dim, bound.bits_error, beside),
        ]
    gap = bound.per_row + dataset.source.log_prob(x)
    ode = x[:500]
    exact = -model.log_prob_ode(ode, tolerance=1e-3) + dataset.source.log_prob(ode)
    return [
        mean(name, dataset.name, "bound - NLL of the truth, nats", gap, perfect=0),
        mean(name, dataset.name, "NLL by the ODE - of the truth, nats", exact, perfect=0),
    ]


MODELS = {"ddpm": Model(build, RECIPES)}
FAMILIES = {"DDPM": Family(fit_ddpm, sample_ddpm, measure_ddpm)}


def show(stage):
    rows, shots = [], []
    for part in (moons, digits):
        more_rows, more_shots = part(stage)
        rows += more_rows
        shots += more_shots
    return Chapter("Diffusion", TEXT, tuple(rows), tuple(shots))


def trained(stage, data):
    """(data set, model, rows) of one training."""
    d = dataset(data, stage.rng)
    recipe = replace(RECIPES[d.kind], steps=stage.pick(*STEPS[data]))
    model = build(d, recipe, stage.rng)
    stage.train("ddpm", model, FAMILIES["DDPM"], d, recipe)
    return d, model, measure_ddpm("ddpm", model, d, rng=stage.rng)


def moons(stage):
    from minigen import plot

    d, model, rows = trained(stage, "moons")
    x = d.source.sample(1500, rng=stage.rng)
    t, forward = noised(model, x, stage.rng)
    color = np.arctan2(x[:, 1], x[:, 0])
    reverse = [z for _, z in picked(model.walk(1500, rng=stage.rng))]
    bound = model.elbo(x, rng=stage.rng)
    there = plot.filmstrip(forward, [f"t = {k}" for k in t], color=color, how="data to noise")
    back = plot.filmstrip(reverse, [f"t = {k}" for k in t[::-1]], how="noise to samples")
    return rows, [
        Shot("diffusion_forward", there, "The forward process: each point keeps its colour."),
        Shot("diffusion_reverse", back, "The reverse process, learned."),
        Shot("diffusion_terms", plot.elbo_terms(bound.L, bound.L_error), "Where the nats go."),
    ]


def digits(stage):
    from minigen import plot

    d, model, rows = trained(stage, "digits")
    x = sample_ddpm(model, 80, rng=stage.rng)
    picture = plot.images(x, columns=10, top=16, heading="80 samples")
    t, forward = noised(model, model.encode(d.train[:5]), stage.rng)
    strip = plot.filmstrip(forward, [f"t = {k}" for k in t], how="data to noise")
    bound = model.elbo(d.source.test.x, rng=stage.rng)
    neighbours = plot.neighbours(x[:8], nearest(x[:8], d.train), top=16)
    return rows, [
        Shot("diffusion_digits_forward", strip, "Five digits become noise."),
        Shot("diffusion_digits", picture, "Not chosen by hand; one class a column."),
        Shot("diffusion_neighbours", neighbours, "Samples and the nearest training images."),
        Shot("diffusion_digits_terms", plot.elbo_terms(bound.L, bound.L_error),
             "Each step's part of the bound on the digits."),
    ]  # fmt: skip


def noised(model, x, rng):
    """(times, x_t): the forward process at a few times, one noise throughout."""
    t = np.linspace(0, model.schedule.T, FRAMES).round().astype(int)
    eps = rng.standard_normal(x.shape)
    a, s = np.sqrt(model.schedule.alpha_bar[t]), np.sqrt(1 - model.schedule.alpha_bar[t])
    return t, [a[k] * x + s[k] * eps for k in range(FRAMES)]


def picked(walk):
    """A few states of a walk, evenly spaced, the first and the last among them."""
    states = list(walk)
    return [states[k] for k in np.linspace(0, len(states) - 1, FRAMES).round().astype(int)]
