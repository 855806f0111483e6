"""Pictures: Real NVP with several scales, a Transformer MAF and a U-Net."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from minigen.cli.chapter import Chapter, Model, Part, Recipe, Shot, Stage
from minigen.cli.chapters.coupling import nearest
from minigen.cli.chapters.diffusion import DIFFUSION, SCHEDULES
from minigen.cli.chapters.flows import FLOW, centred, preparation
from minigen.cli.chapters.tables import table_recipe
from minigen.cli.datasets import Dataset
from minigen.cli.results import Row, beside, told
from minigen.core import validate
from minigen.diffusion import DDPM, Schedule, ddpm
from minigen.flows import Flow, real_nvp_image, transformer_maf

TEXT = """The same two models with convolutions, as their papers have them: what a network learns
about a stroke in one place it knows in all places. The flow keeps the squares of one colour of a
checkerboard and moves the others, and half of its numbers leave at each scale; the U-Net looks at
the picture at several sizes at once. Every gradient is written by hand, convolutions included."""


def side(dataset: Dataset) -> tuple[int, int, int]:
    """(H, W, 1) of square pictures in rows."""
    n = math.isqrt(dataset.features)
    if n * n != dataset.features:
        raise validate.expected("--data", "square pictures", f"{dataset.features} columns")
    return n, n, 1


def channels(recipe: Recipe) -> int:
    """The one width that these models have."""
    width = recipe.hidden or ()
    if len(width) != 1:
        raise validate.expected("--hidden", "one number of channels", recipe.hidden)
    return width[0]


def build_flow(dataset: Dataset, recipe: Recipe, rng: np.random.Generator) -> Flow:
    sides = side(dataset)
    scales = 3 if sides[0] >= 12 and sides[0] % 4 == 0 else 2 - sides[0] % 2
    return real_nvp_image(
        sides, scales, recipe.layers or 2, channels(recipe), rng=rng,
        groups=math.gcd(channels(recipe), 4), **preparation(dataset, rng),
    )  # fmt: skip


def build_transformer(dataset: Dataset, recipe: Recipe, rng: np.random.Generator) -> Flow:
    """Of pictures the tokens are patches, of a table's rows the columns."""
    table = dataset.kind == "table"
    sides = (1, dataset.features, 1) if table else side(dataset)
    flow = transformer_maf(
        sides, recipe.layers or 4, channels(recipe), patch=1 if sides[0] % 2 else 2,
        heads=math.gcd(channels(recipe), 4), rng=rng,
        **preparation(dataset, rng),
    )  # fmt: skip
    return flow if dataset.labels is None else centred(flow, dataset, rng)


def transformer_recipe(rows: int, features: int) -> Recipe:
    """The settings for a table: two layers of 32 numbers a token, otherwise as of a MAF."""
    recipe = table_recipe("maf", rows, features)
    return replace(recipe, layers=2, hidden=(32,), activation=None)


def build_unet(
    dataset: Dataset, recipe: Recipe, rng: np.random.Generator, schedule: Schedule | None = None,
    variance: str = "free",
) -> DDPM:  # fmt: skip
    return ddpm(
        dataset.features, schedule or SCHEDULES[dataset.kind], net="unet", shape=side(dataset),
        hidden=channels(recipe), groups=math.gcd(channels(recipe), 8), blocks=recipe.layers or 1,
        predict=recipe.predict or "v", variance=variance,
        classes=len(dataset.classes), levels=dataset.levels, rng=rng,
    )  # fmt: skip


COMMON = {"batch": 128, "lr": 2e-3, "ema": 0.99, "validate_every": 100}
LARGE = {"batch": 32, "lr": 2e-3, "ema": 0.995, "validate_every": 250}  # 14 x 14 and more
UNET = Recipe(steps=4000, layers=1, hidden=(16,), predict="v", **LARGE)
MODELS = {
    "real_nvp_image": Model(
        build_flow,
        {
            "digits": Recipe(steps=1500, layers=2, hidden=(16,), **COMMON),
            "pictures": Recipe(steps=2000, layers=3, hidden=(16,), **LARGE),
        },
        FLOW,
    ),
    "transformer_maf": Model(
        build_transformer,
        {
            "digits": Recipe(steps=1500, layers=4, hidden=(64,), weight_decay=1.0, **COMMON),
            "table": transformer_recipe,
            "pictures": Recipe(steps=2000, layers=4, hidden=(64,), **LARGE),
        },
        FLOW,
    ),
    "unet": Model(
        build_unet,
        {
            "digits": Recipe(steps=2000, layers=1, hidden=(16,), predict="v", **COMMON),
            "pictures": UNET,
        },
        DIFFUSION,
    ),
}
STEPS = {"real_nvp_image": (500, 20), "unet": (900, 20)}  # of the demo: full, quick
BRIEF = {"batch": 32, "lr": 4e-3, "ema": 0.98}  # where steps are few, small batches learn more


def result(rows: list[Row]) -> str:
    steps = " and ".join(str(full) for full, _ in STEPS.values())
    return (
        f"After at most {steps} steps, a multi-scale Real NVP needs "
        f"{told(rows, 'real_nvp_image', 'digits', 'bits')} bits a pixel, a U-Net at most "
        f"{told(rows, 'unet', 'digits', 'bits')}; pixels without dependence need "
        f"{beside(rows, 'unet', 'digits', 'independent pixels')}."
    )


def brief(name: str) -> Model:
    """A model whose recipe is for the demo's few steps."""
    recipe: Any = MODELS[name].recipes["digits"]
    return replace(MODELS[name], recipes={"digits": replace(recipe, **BRIEF)})


def multi_scale(stage: Stage) -> Part:
    from minigen import plot

    name = "real_nvp_image"
    done = stage.trained(name, brief(name), "digits", STEPS[name])
    x = done.model.sample(40, rng=stage.rng)
    picture = plot.images(x, columns=10, top=16, heading="40 samples of Real NVP")
    text = "The first 40 samples of a Real NVP of two scales, briefly trained."
    return done.rows, [Shot("pictures_flow", picture, text)]


def unet(stage: Stage) -> Part:
    from minigen import plot

    done = stage.trained("unet", brief("unet"), "digits", STEPS["unet"])
    x = done.model.sample(40, rng=stage.rng, label=np.arange(40) % 10, guidance=2.0)
    picture = plot.images(x, columns=10, top=16, heading="40 samples, one class a column")
    near = plot.neighbours(x[:8], nearest(x[:8], done.data.train), top=16)
    return done.rows, [
        Shot(
            "pictures_unet",
            picture,
            "The first 40 samples of a U-Net, briefly trained; each column was given one label, "
            "with guidance 2.",
        ),
        Shot(
            "pictures_neighbours",
            near,
            "Left, samples of the U-Net; to the right of each, the nearest training images.",
        ),
    ]


PARTS = (multi_scale, unet)


def chapter(parts: Sequence[Part]) -> Chapter:
    return Chapter.of(
        "Pictures", TEXT, parts, result, ("12_pictures", "13_unet"),
        ("minigen train unet --data digits --out unet.npz",
         "minigen sample unet.npz -n 40 --out unet.png"),
    )  # fmt: skip
