"""Flow matching, and what is learned beside a trained diffusion model: a clock, a covariance."""

import functools
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.cli.chapter import Family, Model, Recipe
from minigen.cli.chapters.diffusion import (
    DIFFUSION,
    RECIPES,
    build,
    data_of,
    fit_ddpm,
    same_model,
    sample_ddpm,
)
from minigen.cli.chapters.pictures import UNET, build_unet
from minigen.cli.datasets import Dataset
from minigen.cli.results import Row, mean
from minigen.core import validate
from minigen.diffusion import (
    DDPM,
    Clock,
    ClockLoss,
    IntegralBound,
    cosine_schedule,
    with_covariance,
)
from minigen.diffusion.variance import FIXED
from minigen.training import Run, fit, load

PIECES, POINTS = 32, 20_000  # of a clock; rows on which the two clocks are compared


def build_straight(dataset: Dataset, recipe: Recipe, rng: np.random.Generator) -> DDPM:
    """A diffusion model that is to be trained on the straight path."""
    make = build_unet if dataset.kind == "pictures" else build
    return make(dataset, recipe, rng, cosine_schedule(200), "beta")


fit_straight = functools.partial(fit_ddpm, loss="flow_matching")


def build_clock(dataset: Dataset, recipe: Recipe, rng: np.random.Generator) -> ClockLoss:
    """An even clock for the diffusion model in the file that --of names."""
    model = trained(dataset, recipe)
    return ClockLoss(Clock.init(model.schedule, PIECES).astype(model.dtype), model)


def build_covariance(dataset: Dataset, recipe: Recipe, rng: np.random.Generator) -> DDPM:
    """The model in the file that --of names, with a second network for the variance of a step."""
    model, width = trained(dataset, recipe), recipe.hidden or ()
    variance = model.reverse.variance
    if variance not in FIXED:
        what = "a model with a fixed variance (of flow_matching, or of ddpm on a toy or a table)"
        raise validate.expected("--of", what, f"variance {variance!r} in {recipe.of}")
    if len(width) != 1:
        raise validate.expected("--hidden", "one width for a diffusion model", recipe.hidden)
    return with_covariance(model, hidden=width[0], blocks=recipe.layers or 2, rng=rng)


def trained(dataset: Dataset, recipe: Recipe) -> DDPM:
    """The diffusion model in the file that --of names, which must be of these data."""
    if not recipe.of:
        raise validate.expected("--of", "the file of a trained diffusion model", "none")
    model = load(recipe.of)
    if not isinstance(model, DDPM):
        raise validate.expected(
            "--of", "a diffusion model", f"{type(model).__name__} in {recipe.of}"
        )
    same_model(recipe.of, model, dataset)
    return model


def fit_clock(
    loss: ClockLoss, dataset: Dataset, recipe: Recipe, *, rng: np.random.Generator,
    progress: bool | None = None,
) -> Run:  # fmt: skip
    """The least second moment of the bound's estimate."""
    data, _ = data_of(loss.model, dataset)
    return fit(loss, data, rng=rng, progress=progress, **recipe.without_validation(True).training)


def sample_clock(
    loss: ClockLoss, n: int, *, rng: np.random.Generator, label: NDArray | None = None,
    sampler: str | None = None, steps: int | None = None,
) -> NDArray:  # fmt: skip
    """Samples of the clock's model."""
    return sample_ddpm(loss.model, n, rng=rng, label=label, sampler=sampler, steps=steps)


def measure_clock(
    name: str, loss: ClockLoss, dataset: Dataset, *, rng: np.random.Generator
) -> list[Row]:
    """The bound in continuous time under an even clock and under the learned one."""
    model = loss.model
    same_model(name, model, dataset)
    x = dataset.test(rng)[:POINTS]
    y = dataset.labels[0] if dataset.kind == "table" and dataset.labels else None
    y = dataset.source.test.y if dataset.pictures else y
    rows = (x, y[: len(x)]) if model.classes and y is not None else x
    found = {}
    for which, clock in {
        "even": Clock.init(model.schedule, len(loss.clock.a)), "learned": loss.clock
    }.items():  # fmt: skip
        bound = IntegralBound(model, clock)
        (x0,), given = bound.draw(rows, rng)
        found[which] = bound.estimates(x0, **given).astype(np.float64)
    even, learned = (found[which] for which in ("even", "learned"))
    parts = {"": np.ones(len(x), bool)}
    if dataset.record is not None:
        masks = dataset.record.parts(x).items()
        parts = {f": {part}, {mask.sum()} rows": mask for part, mask in masks}
    return [
        *(
            mean(name, dataset.name, f"bound in continuous time, nats, {which} clock{part}",
                 found[which][mask], {})
            for part, mask in parts.items() for which in found
        ),
        Row(name, dataset.name, "variance of the estimate, even / learned",
            float(even.var() / learned.var())),
    ]  # fmt: skip


def straight(recipe: Any) -> Any:
    """A recipe of diffusion, for the velocity."""
    if isinstance(recipe, Recipe):
        return replace(recipe, predict="velocity")
    return lambda rows, features: replace(recipe(rows, features), predict="velocity")


CLOCK = Family(ClockLoss, fit_clock, sample_clock, measure_clock)
TICKS = Recipe(steps=300, batch=1024, lr=0.05, of="")
SHARE = Recipe(steps=2000, layers=2, hidden=(64,), batch=256, lr=3e-3, ema=0.995, of="")
MODELS = {
    "flow_matching": Model(
        build_straight,
        {k: straight(recipe) for k, recipe in {**RECIPES, "pictures": UNET}.items()},
        replace(DIFFUSION, fit=fit_straight),
    ),
    "clock": Model(build_clock, dict.fromkeys((*RECIPES, "pictures"), TICKS), CLOCK),
    "covariance": Model(build_covariance, dict.fromkeys((*RECIPES, "pictures"), SHARE), DIFFUSION),
}
