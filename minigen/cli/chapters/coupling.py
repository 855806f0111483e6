"""Real NVP, and NICE beside it: toys whose density is known, and digits."""

import functools
from dataclasses import replace

from numpy.typing import NDArray
from scipy.spatial import KDTree

from minigen.cli.chapter import Chapter, Model, Part, Recipe, Shot, Stage, Trained
from minigen.cli.chapters.autoregressive import MODELS as SPLINES
from minigen.cli.chapters.flows import FLOW, builder
from minigen.cli.chapters.tables import table_recipe
from minigen.cli.datasets import dataset
from minigen.data import toys
from minigen.flows import nice, real_nvp

TOY = Recipe(steps=4000, layers=8, hidden=(64, 64), activation="tanh", lr=5e-3)
DIGITS = Recipe(
    steps=1500, layers=8, hidden=(128, 128), activation="tanh", batch=128, lr=2e-3,
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


def show(stage: Stage) -> Chapter:
    parts = [part(stage) for part in (moons, fixed, gallery, digits)]
    return Chapter.of("Real NVP and NICE", TEXT, parts)


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
        Shot("moons_density", plot.density(flow, toy), "The density that Real NVP learned."),
        Shot("moons_samples", plot.samples(*points), "Samples: base noise through the inverse."),
        Shot("moons_warp", plot.warp(flow), "The latent grid, bent coupling by coupling."),
        Shot("moons_training", curve, "Fresh batches cannot overfit."),
    ]
    return [*nvp.rows, *other.rows[1:]], shots


def fixed(stage: Stage) -> Part:
    """The same training on points drawn once: what overfitting costs."""
    d = dataset("moons", stage.rng)
    points = d.source.sample(FIXED, rng=stage.rng)
    frozen = replace(d, name=f"moons, {FIXED} points", train=points)
    steps = STEPS["real_nvp", "moons"]
    return stage.trained("real_nvp", MODELS["real_nvp"], frozen, steps).rows[-1:], []


def gallery(stage: Stage) -> Part:
    from minigen import plot

    models = {"real_nvp": MODELS["real_nvp"], "neural_spline": SPLINES["neural_spline"]}
    pairs, notes, rows = {}, {}, []
    for name in stage.pick(GALLERY, ("pinwheel",)):
        both = [stage.trained(m, models[m], name, GALLERY_STEPS[m]) for m in models]
        pairs[name] = (*(t.model for t in both), both[0].data.source)
        kls = [t.rows[-1].value for t in both]
        notes[name] = tuple(f"{m}, KL {kl:.3f}" for m, kl in zip(NAMES, kls, strict=True))
        rows += [t.rows[-1] for t in both]
    names = [*pairs]
    groups = [names[k : k + COLUMNS] for k in range(0, len(names), COLUMNS)]
    return rows, [
        Shot(f"toys_{k}", plot.gallery({n: pairs[n] for n in group}, notes), GALLERY_TEXT)
        for k, group in enumerate(groups, 1)
    ]


def digits(stage: Stage) -> Part:
    from minigen import plot

    nvp, other = (trained(stage, name, "digits") for name in MODELS)
    x, curve = nvp.model.sample(64, rng=stage.rng), plot.training(nvp.run)
    shots = [
        Shot("digits_training", curve, "The best on images of other writers is kept."),
        Shot("digits_samples", plot.images(x, top=16, heading="64 samples"), "Not chosen by hand."),
        Shot("digits_neighbours", plot.neighbours(x[:8], nearest(x[:8], nvp.data.train), top=16),
             "Samples and their nearest training images: the model has not copied them."),
    ]  # fmt: skip
    return [*nvp.rows[1:], *other.rows[1:]], shots


def nearest(x: NDArray, train: NDArray, k: int = 6) -> NDArray:
    """The k training rows nearest to each row of x, nearest first, (N, k, D)."""
    return train[KDTree(train).query(x, k)[1]]
