"""Real NVP, and NICE beside it: toys whose density is known, and digits."""

import functools
import math
from collections.abc import Sequence
from dataclasses import replace

from numpy.typing import NDArray
from scipy.spatial import KDTree

from minigen.cli.chapter import Chapter, Model, Part, Recipe, Shot, Stage, Trained
from minigen.cli.chapters.autoregressive import MODELS as SPLINES
from minigen.cli.chapters.flows import FLOW, builder
from minigen.cli.chapters.tables import table_recipe
from minigen.cli.datasets import dataset
from minigen.cli.results import Row, beside, told
from minigen.data import toys
from minigen.flows import nice, real_nvp
from minigen.training import Run

TOY = Recipe(steps=4000, layers=8, hidden=(64, 64), activation="tanh", lr=5e-3)
DIGITS = Recipe(
    steps=2500, layers=12, hidden=(128, 128), activation="tanh", batch=128, lr=2e-3,
    weight_decay=1.0, ema=0.99,
)  # fmt: skip
MODELS = {
    name: Model(
        builder(factory),
        {"toy": TOY, "digits": DIGITS, "table": functools.partial(table_recipe, name)},
        FLOW,
    )
    for name, factory in {"real_nvp": real_nvp, "nice": nice}.items()
}
STEPS = {  # of the demo: full, quick
    ("real_nvp", "moons"): (4000, 300),
    ("nice", "moons"): (1500, 80),
    ("real_nvp", "digits"): (1200, 100),
    ("nice", "digits"): (600, 50),
}
GALLERY = tuple(name for name in toys() if name != "moons")
GALLERY_STEPS = {"real_nvp": (1500, 100), "neural_spline": (500, 20)}
COLUMNS = 4  # toys in one picture
NAMES = "Real NVP", "splines"
GALLERY_TEXT = """Above the truth, then Real NVP, then splines, with KL(truth, model) in nats. An
affine coupling moves and stretches each line of the plane as a whole. It cannot cut one, so what
lies apart stays joined by threads, and many pieces (rings, the grid) are out of its reach here. A
spline also bends each line, which gives holes and corners in a few layers."""
FIXED = 4096  # points, for the price of overfitting
TEXT = """Affine couplings keep half of the columns and scale and shift the others, so the inverse
and the log-determinant cost one pass each. On toys the true density is known: KL(truth, model) is
the gap between the model's loss and the entropy, and nothing can be below 0. The digits' bits per
dimension count the 17 grey levels that are stored; a model above "independent pixels" would be
worse than one that knows of no dependence between pixels."""


def result(rows: list[Row]) -> str:
    kl = told(rows, "real_nvp", "moons", "KL")
    bits, pixels = (
        told(rows, "real_nvp", "digits", "bits"),
        beside(rows, "real_nvp", "digits", "independent pixels"),
    )
    return (
        f"On moons, Real NVP is KL(truth, model) = {kl} nats from the truth. On digits it needs "
        f"{bits} bits a pixel; pixels without dependence need {pixels}."
    )


def trained(stage: Stage, name: str, data: str) -> Trained:
    """One model on one data set."""
    return stage.trained(name, MODELS[name], data, STEPS[name, data])


def moons(stage: Stage) -> Part:
    from minigen import plot

    nvp, other = (trained(stage, name, "moons") for name in MODELS)
    flow, toy = nvp.model, nvp.data.source
    curve = plot.training(nvp.run, toy.entropy)
    points = [source.sample(3000, rng=stage.rng) for source in (flow, toy)]
    shots = [
        Shot(
            "moons_density",
            plot.density(flow, toy),
            "The density of the moons, the one that Real NVP learned, and their difference. The "
            "faint thread between the moons is the line that no coupling can cut.",
        ),
        Shot(
            "moons_samples",
            plot.samples(*points),
            "Samples of the truth, and of Real NVP: noise of N(0, I) through the inverse.",
        ),
        Shot(
            "moons_warp",
            plot.warp(flow),
            "A square grid of the latent plane, bent by one coupling after another until it lies "
            "on the moons.",
        ),
        Shot(
            "moons_training",
            curve,
            "The loss of Real NVP at each step, in nats, above the entropy of the moons. Every "
            "batch is fresh, so it cannot overfit.",
        ),
    ]
    return [*nvp.rows, *other.rows[1:]], shots


def fixed(stage: Stage) -> Part:
    """The same training on points drawn once: what overfitting costs."""
    d = dataset("moons", stage.rng)
    points = d.source.sample(FIXED, rng=stage.rng)
    frozen = replace(d, name=f"moons, {FIXED} points", train=points)
    steps = STEPS["real_nvp", "moons"]
    return stage.trained("real_nvp", MODELS["real_nvp"], frozen, steps).rows[-1:], []


def gallery(group: int, stage: Stage) -> Part:
    """One picture of toys, and of what two models make of them."""
    from minigen import plot

    models = {"real_nvp": MODELS["real_nvp"], "neural_spline": SPLINES["neural_spline"]}
    every = stage.pick(GALLERY, ("pinwheel",))
    names = every[group * COLUMNS : (group + 1) * COLUMNS]
    if not names:
        return [], []
    pairs, notes, rows = {}, {}, []
    for name in names:
        both = [stage.trained(m, models[m], name, GALLERY_STEPS[m]) for m in models]
        pairs[name] = (*(t.model for t in both), both[0].data.source)
        kls = [t.rows[-1].value for t in both]
        notes[name] = tuple(f"{m}, KL {kl:.3f}" for m, kl in zip(NAMES, kls, strict=True))
        rows += [t.rows[-1] for t in both]
    count = f"{len(every)} toys" if len(every) > 1 else "A toy"
    text = (
        f"More toys, drawn in the same way: {', '.join(names)}."
        if group else f"{count} whose density is known. {GALLERY_TEXT}"
    )  # fmt: skip
    return rows, [Shot(f"toys_{group + 1}", plot.gallery(pairs, notes), text)]


def digits(stage: Stage) -> Part:
    from minigen import plot

    nvp, other = (trained(stage, name, "digits") for name in MODELS)
    x, bits = nvp.model.sample(64, rng=stage.rng), in_bits(nvp.run, nvp.data.features)
    curve = plot.training(bits, unit="bits a pixel")
    shots = [
        Shot("digits_training", curve,
             "The loss of Real NVP on digits, and that of images by other writers, which is lowest "
             "at the dot: those parameters are kept."),
        Shot("digits_samples", plot.images(x, top=16, heading="64 samples of Real NVP"),
             "The first 64 samples of Real NVP on digits."),
        Shot("digits_neighbours", plot.neighbours(x[:8], nearest(x[:8], nvp.data.train), top=16),
             "Left, samples of Real NVP; to the right of each, the training images nearest to it. "
             "A copy would look the same as its neighbour."),
    ]  # fmt: skip
    return [*nvp.rows[1:], *other.rows[1:]], shots


def in_bits(run: Run, features: int) -> Run:
    """The run with its losses in bits a dimension instead of nats."""
    unit = features * math.log(2)
    scaled = {k: [v / unit for v in values] if k in ("loss", "validation") else values
              for k, values in run.history.items()}  # fmt: skip
    return replace(run, history=scaled, best=run.best / unit)


def nearest(x: NDArray, train: NDArray, k: int = 6) -> NDArray:
    """The k training rows nearest to each row of x, nearest first, (N, k, D)."""
    return train[KDTree(train).query(x, k)[1]]


GROUPS = range(math.ceil(len(GALLERY) / COLUMNS))
PARTS = (moons, fixed, *(functools.partial(gallery, group) for group in GROUPS), digits)


def chapter(parts: Sequence[Part]) -> Chapter:
    return Chapter.of(
        "Real NVP and NICE", TEXT, parts, result, ("01_change_of_variables", "02_real_nvp"),
        ("minigen train real_nvp --data moons --steps 8000 --out moons.npz",
         "minigen sample moons.npz -n 1000 --out moons.png"),
    )  # fmt: skip
