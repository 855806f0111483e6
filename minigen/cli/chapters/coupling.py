"""Real NVP, and NICE beside it: toys whose density is known, and digits."""

from dataclasses import replace

from numpy.typing import NDArray
from scipy.spatial import KDTree

from minigen.cli.chapter import Chapter, Model, Part, Recipe, Shot, Stage
from minigen.cli.chapters.flows import FLOW, builder
from minigen.cli.datasets import dataset
from minigen.cli.results import Row
from minigen.data import toys
from minigen.flows import Flow, nice, real_nvp
from minigen.training import Run

TOY = Recipe(steps=4000, layers=8, hidden=(64, 64), activation="tanh", lr=5e-3)
TABLE = Recipe(steps=2000, layers=8, hidden=(64, 64), activation="tanh", weight_decay=1.0)
DIGITS = Recipe(
    steps=600, layers=8, hidden=(128, 128), activation="tanh", batch=128, weight_decay=3.0, ema=0.98
)
RECIPES = {"toy": TOY, "table": TABLE, "digits": DIGITS}
MODELS = {
    "real_nvp": Model(builder(real_nvp), RECIPES),
    "nice": Model(builder(nice), RECIPES),
}
FAMILIES = {Flow: FLOW}
STEPS = {  # of the demo: full, quick
    ("real_nvp", "moons"): (4000, 300),
    ("nice", "moons"): (1500, 80),
    ("real_nvp", "digits"): (600, 100),
    ("nice", "digits"): (400, 50),
}
GALLERY = tuple(name for name in toys() if name != "moons")
GALLERY_STEPS = (1000, 100)
COLUMNS = 6  # toys in one picture
FIXED = 4096  # points, for the price of overfitting
TEXT = """Affine couplings keep half of the columns and scale and shift the others, so the inverse
and the log-determinant cost one pass each. On toys the true density is known: KL(truth, model) is
the gap between the model's loss and the entropy, and nothing can be below 0. The digits' bits per
dimension count the 17 grey levels that are stored; a model above "independent pixels" would be
worse than one that knows of no dependence between pixels."""


def show(stage: Stage) -> Chapter:
    parts = [part(stage) for part in (moons, fixed, gallery, digits)]
    return Chapter.of("Real NVP and NICE", TEXT, parts)


def trained(
    stage: Stage, name: str, data: str, steps: tuple[int, int]
) -> tuple[Flow, Run, list[Row]]:
    """(model, run, rows) of one model on one data set."""
    d = dataset(data, stage.rng)
    recipe = replace(MODELS[name].recipe(name, d), steps=stage.pick(*steps))
    flow = MODELS[name].build(d, recipe, stage.rng)
    run = stage.train(name, flow, FLOW, d, recipe)
    return flow, run, FLOW.measure(name, flow, d, rng=stage.rng)


def moons(stage: Stage) -> Part:
    from minigen import plot

    flow, run, rows = trained(stage, "real_nvp", "moons", STEPS["real_nvp", "moons"])
    *_, nice_rows = trained(stage, "nice", "moons", STEPS["nice", "moons"])
    toy = dataset("moons", stage.rng).source
    points = [source.sample(3000, rng=stage.rng) for source in (flow, toy)]
    shots = [
        Shot("moons_density", plot.density(flow, toy), "The density that Real NVP learned."),
        Shot("moons_samples", plot.samples(*points), "Samples: base noise through the inverse."),
        Shot("moons_warp", plot.warp(flow), "The latent grid, bent coupling by coupling."),
        Shot("moons_training", plot.training(run, toy.entropy), "Fresh batches cannot overfit."),
    ]
    return [*rows, *nice_rows[1:]], shots


def fixed(stage: Stage) -> Part:
    """The same training on points drawn once: what overfitting costs."""
    d = dataset("moons", stage.rng)
    points = d.source.sample(FIXED, rng=stage.rng)
    frozen = replace(d, name=f"moons, {FIXED} points", train=points)
    recipe = replace(TOY, steps=stage.pick(*STEPS["real_nvp", "moons"]))
    flow = MODELS["real_nvp"].build(d, recipe, stage.rng)
    stage.train("real_nvp", flow, FLOW, frozen, recipe)
    return FLOW.measure("real_nvp", flow, frozen, rng=stage.rng)[-1:], []


def gallery(stage: Stage) -> Part:
    from minigen import plot

    names = stage.pick(GALLERY, ("pinwheel",))
    fitted = {name: trained(stage, "real_nvp", name, GALLERY_STEPS) for name in names}
    pairs = [(n, (flow, dataset(n, stage.rng).source)) for n, (flow, _, _) in fitted.items()]
    notes = {n: f"KL {rows[-1].value:.3f} nats" for n, (_, _, rows) in fitted.items()}
    text = "Other toys after a short training; holes and sharp edges are hard for a smooth map."
    shots = [
        Shot(f"toys_{k // COLUMNS + 1}", plot.gallery(dict(pairs[k : k + COLUMNS]), notes), text)
        for k in range(0, len(pairs), COLUMNS)
    ]
    return [rows[-1] for _, _, rows in fitted.values()], shots


def digits(stage: Stage) -> Part:
    from minigen import plot

    flow, run, rows = trained(stage, "real_nvp", "digits", STEPS["real_nvp", "digits"])
    *_, nice_rows = trained(stage, "nice", "digits", STEPS["nice", "digits"])
    train = dataset("digits", stage.rng).train
    x = flow.sample(64, rng=stage.rng)
    shots = [
        Shot("digits_training", plot.training(run), "1000 images are few: watch the validation."),
        Shot("digits_samples", plot.images(x, top=16, heading="64 samples"), "Not chosen by hand."),
        Shot("digits_neighbours", plot.neighbours(x[:8], nearest(x[:8], train), top=16),
             "Samples and their nearest training images: the model has not copied them."),
    ]  # fmt: skip
    return [*rows[1:], *nice_rows[1:]], shots


def nearest(x: NDArray, train: NDArray, k: int = 6) -> NDArray:
    """The k training rows nearest to each row of x, nearest first, (N, k, D)."""
    return train[KDTree(train).query(x, k)[1]]
