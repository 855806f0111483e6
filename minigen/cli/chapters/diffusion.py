"""Diffusion: the ELBO term by term, the forward and the reverse process, moons and digits."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.cli.chapter import Chapter, Family, Model, Part, Recipe, Shot, Stage
from minigen.cli.chapters.coupling import nearest
from minigen.cli.chapters.flows import same_levels
from minigen.cli.chapters.measures import table_rows
from minigen.cli.datasets import Dataset
from minigen.cli.results import Row, beside, mean, told
from minigen.core import validate
from minigen.diffusion import DDPM, Schedule, cosine_schedule, ddpm, q_sample
from minigen.training import Run, fit


def table_recipe(rows: int, features: int) -> Recipe:
    """The settings for a table: wider and longer where rows are many."""
    many = rows >= 2000
    width = (128,) if many else (64,)
    steps = 4000 if many else 2000
    return Recipe(
        steps=steps, layers=3 if many else 2, hidden=width, batch=256 if many else 128,
        lr=3e-3, weight_decay=1.0, ema=0.99, patience=20, validate_every=steps // 50, predict="v",
    )  # fmt: skip


RECIPES = {
    "toy": Recipe(steps=4000, layers=3, hidden=(128,), predict="v", batch=512, lr=4e-3, ema=0.999),
    "table": table_recipe,
    "digits": Recipe(
        steps=3000, layers=2, hidden=(192,), predict="v", batch=128, lr=3e-3, ema=0.995
    ),
}
STEPS = {"moons": (2500, 150), "digits": (1500, 120)}  # of the demo: full, quick
SCHEDULES = {
    "toy": cosine_schedule(200),
    "table": cosine_schedule(200),
    "digits": cosine_schedule(10, 0.1),
    "pictures": cosine_schedule(200),
}
POINTS = 3000  # test points of a bound, which costs T passes
PASSES = 30_000  # of one picture through the network, for a bound
STEPS_OF_ODE = 50
FRAMES = 6
TEXT = """The forward process turns data into noise in T small steps; the network learns to undo
one step at a time. Its negative log-likelihood is bounded by L = L_0 + L_1 + ... + L_T, and every
term is exact given the noise. Where the truth is known, the bound must lie above the entropy, and
by how much says what the model has not learned. The probability-flow ODE gives the likelihood of
the same network without a bound. The digits' terms are those of the discrete grey levels."""


def build(
    dataset: Dataset, recipe: Recipe, rng: np.random.Generator, schedule: Schedule | None = None,
    variance: str | None = None,
) -> DDPM:  # fmt: skip
    """Fixed variances in the plane; for digits free ones, and the label as a condition."""
    width = recipe.hidden or ()
    if len(width) != 1:
        raise validate.expected("--hidden", "one width for a diffusion model", recipe.hidden)
    extra: Any = {"variance": "free", "classes": len(dataset.classes)} if dataset.levels else {}
    if dataset.kind == "table":
        if dataset.record is not None and dataset.record.grid.levels:
            what = "none for ddpm, whose tables are real numbers; a flow (maf, real_nvp) takes it"
            raise validate.expected("--levels", what, dataset.record.grid.levels)
        extra = {"init_from": dataset.train, "classes": len(dataset.classes)}
    if variance is not None:
        extra["variance"] = variance
    return ddpm(
        dataset.features, schedule or SCHEDULES[dataset.kind], hidden=width[0],
        blocks=recipe.layers or 3, predict=recipe.predict or "v", levels=dataset.levels, rng=rng,
        **extra,
    )  # fmt: skip


def fit_ddpm(
    model: DDPM, dataset: Dataset, recipe: Recipe, *, rng: np.random.Generator,
    progress: bool | None = None, loss: str = "loss",
) -> Run:  # fmt: skip
    """Training by the simple loss or another, on (x, label) if the model has classes."""
    data, held_out = data_of(model, dataset)
    recipe = recipe.without_validation(dataset.kind == "table" and held_out is None)
    return fit(
        getattr(model, loss), data, validation=held_out, rng=rng, progress=progress,
        **recipe.training,
    )  # fmt: skip


def data_of(model: DDPM, dataset: Dataset) -> tuple[Any, Any]:
    """What a model is trained and validated on: rows, with their labels if it has classes."""
    data, held_out = dataset.train, dataset.validation
    if dataset.kind == "table" and dataset.labels is not None:
        new = None if held_out is None else (held_out, dataset.labels[1])
        return (data, dataset.labels[0]), new
    return dataset.pairs if dataset.pictures and model.classes else (data, held_out)


def same_model(name: str, model: DDPM, dataset: Dataset) -> None:
    """Refuse data that are not of the kind of a model, or of other columns."""
    same_levels(name, model, dataset)
    if model.features != dataset.features:
        what = f"a model of {dataset.features} columns"
        raise validate.expected(name, what, f"one of {model.features}")


def sample_ddpm(
    model: DDPM, n: int, *, rng: np.random.Generator, label: NDArray | None = None,
    sampler: str | None = None, steps: int | None = None,
) -> NDArray:  # fmt: skip
    """Samples; of a model with classes, by default one class after the other."""
    if label is None and model.classes:
        label = np.arange(n) % model.classes
    straight = model.reverse.predict == "velocity"  # no noise: an ODE of few steps
    if steps is None and straight:
        steps = min(STEPS_OF_ODE, model.schedule.T)
    sampler = sampler or ("heun" if straight else "ancestral")
    return model.sample(n, rng=rng, label=label, sampler=sampler, steps=steps)


def measure_ddpm(
    name: str, model: DDPM, dataset: Dataset, *, rng: np.random.Generator
) -> list[Row]:
    """The bound beside the truth, and the ODE's likelihood; bits per dimension of digits."""
    same_levels(name, model, dataset)
    if dataset.kind == "table":
        return _table_rows(name, model, dataset, rng)
    most = min(POINTS, PASSES // model.schedule.T) if dataset.pictures else POINTS
    x = dataset.test(rng)[:most]
    bound = model.elbo(x, rng=rng)
    if dataset.levels:
        y, beside = dataset.source.test.y, dataset.baselines
        if model.classes and y is not None:
            given = model.elbo(x, rng=rng, label=y[: len(x)])
            beside = {"given the label": given.bits_per_dim} | beside
        measure, bits = "bits/dim, discrete (bound)", bound.bits_per_dim
        return [Row(name, dataset.name, measure, bits, bound.bits_error, beside)]
    gap = bound.per_row + dataset.source.log_prob(x)
    ode = x[:500]
    exact = -model.log_prob_ode(ode, tolerance=1e-2) + dataset.source.log_prob(ode)
    return [
        mean(name, dataset.name, "bound - NLL of the truth, nats", gap, {"perfect": 0}),
        mean(name, dataset.name, "NLL by the ODE - of the truth, nats", exact, {"perfect": 0}),
    ]


def _table_rows(name: str, model: DDPM, dataset: Dataset, rng: np.random.Generator) -> list[Row]:
    """The bound on -log p of a table's rows, of a few of them if they are many."""
    if model.classes and dataset.labels is None:
        raise validate.expected("--data", "a table with the label", dataset.name)
    some = np.sort(rng.permutation(len(dataset.source))[:POINTS])
    label = None if dataset.labels is None else dataset.labels[0][some]
    bound = model.elbo(dataset.source[some], rng=rng, label=label)
    part = replace(dataset, source=dataset.source[some])
    return table_rows(name, part, bound.per_row.astype(np.float64), "bound on NLL, nats")


DIFFUSION = Family(DDPM, fit_ddpm, sample_ddpm, measure_ddpm, unit="")
MODELS = {"ddpm": Model(build, RECIPES, DIFFUSION)}


def result(rows: list[Row]) -> str:
    return (
        f"On moons the bound lies {told(rows, 'ddpm', 'moons', 'bound')} nats above the truth, the "
        f"likelihood by the ODE {told(rows, 'ddpm', 'moons', 'NLL by')}. On digits the bound is "
        f"{told(rows, 'ddpm', 'digits', 'bits')} bits a pixel, and "
        f"{beside(rows, 'ddpm', 'digits', 'given the label')} given the label."
    )


def moons(stage: Stage) -> Part:
    from minigen import plot

    done = stage.trained("ddpm", MODELS["ddpm"], "moons", STEPS["moons"])
    d, model = done.data, done.model
    x = d.source.sample(1500, rng=stage.rng)
    t, forward = noised(model, x, stage.rng)
    reverse = [z for _, z in picked(model.states(1500, rng=stage.rng))]
    bound = model.elbo(x, rng=stage.rng)
    there = plot.filmstrip(forward, [f"t = {k}" for k in t], color=x[:, 0], how="data to noise")
    back = plot.filmstrip(reverse, [f"t = {k}" for k in t[::-1]], how="noise to samples")
    return done.rows, [
        Shot(
            "diffusion_forward",
            there,
            "The forward process on moons. Each point keeps its colour, dark at the left of the "
            "moons to bright at the right: soon none can be told by its place.",
        ),
        Shot(
            "diffusion_reverse",
            back,
            "The reverse process that was learned, from noise at t = T to samples at t = 0.",
        ),
        Shot(
            "diffusion_terms",
            plot.elbo_terms(bound.L, bound.L_error),
            "The terms of the bound on moons, in nats, against t: most nats are paid at the last "
            "small steps.",
        ),
    ]


def digits(stage: Stage) -> Part:
    from minigen import plot

    done = stage.trained("ddpm", MODELS["ddpm"], "digits", STEPS["digits"])
    d, model = done.data, done.model
    x = sample_ddpm(model, 80, rng=stage.rng)
    picture = plot.images(x, columns=10, top=16, heading="80 samples")
    t, forward = noised(model, model.data.scale(d.train[:5]), stage.rng)
    strip = plot.filmstrip(forward, [f"t = {k}" for k in t], how="data to noise")
    bound = model.elbo(d.source.test.x, rng=stage.rng)
    neighbours = plot.neighbours(x[:8], nearest(x[:8], d.train), top=16)
    return done.rows, [
        Shot("diffusion_digits_forward", strip,
             "The forward process on five digits, one a row, from data at the left to noise."),
        Shot("diffusion_digits", picture,
             "The first 80 samples of the diffusion model; each column was given one label."),
        Shot("diffusion_neighbours", neighbours,
             "Left, samples of the diffusion model; to the right of each, the training images "
             "nearest to it."),
        Shot("diffusion_digits_terms", plot.elbo_terms(bound.L, bound.L_error),
             "The terms of the bound on digits, in nats an image, against t."),
    ]  # fmt: skip


def noised(model: DDPM, x: NDArray, rng: np.random.Generator) -> tuple[NDArray, list[NDArray]]:
    """(times, x_t): the forward process at a few times, one noise throughout."""
    t = np.linspace(0, model.schedule.T, FRAMES).round().astype(int)
    eps = rng.standard_normal(x.shape)
    return t, [q_sample(model.schedule, x, eps, t[k : k + 1]) for k in range(FRAMES)]


def picked(walk: Iterable[Any]) -> list[Any]:
    """A few states of a walk, evenly spaced, the first and the last among them."""
    states = list(walk)
    return [states[k] for k in np.linspace(0, len(states) - 1, FRAMES).round().astype(int)]


PARTS = (moons, digits)


def chapter(parts: Sequence[Part]) -> Chapter:
    return Chapter.of(
        "Diffusion", TEXT, parts, result, ("04_forward_process", "05_elbo", "06_diffusion_digits"),
        ("minigen train ddpm --data digits --out ddpm.npz",
         "minigen sample ddpm.npz -n 80 --out digits.png"),
    )  # fmt: skip
