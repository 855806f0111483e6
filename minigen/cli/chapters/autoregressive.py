"""MAF, IAF and neural splines: digits, sharp toys, energies, and what each direction costs."""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.cli.chapter import Chapter, Model, Part, Recipe, Shot, Stage, Trained
from minigen.cli.chapters.flows import FLOW, builder
from minigen.cli.chapters.tables import table_recipe
from minigen.cli.datasets import Dataset
from minigen.cli.results import Row, beside, told
from minigen.core.parallel import limited
from minigen.flows import MADE, Flow, IAFLayer, MAFLayer, iaf, maf, neural_spline, student
from minigen.flows.normalizer import quadrature
from minigen.flows.sequential import d_passes

WIDE = Recipe(steps=2000, layers=5, activation="relu", batch=128, weight_decay=1.0, ema=0.99)
PLANE = Recipe(steps=3000, layers=6, hidden=(64, 64), activation="tanh", batch=512, lr=2e-3)
MAF = {
    "toy": replace(PLANE, lr=5e-3),
    "table": functools.partial(table_recipe, "maf"),
    "digits": replace(WIDE, steps=2500, hidden=(256, 256), activation="tanh", lr=2e-3),
}
SPLINE = {
    "toy": replace(PLANE, layers=3, activation="relu"),
    "table": functools.partial(table_recipe, "neural_spline"),
    "digits": replace(WIDE, hidden=(128, 128)),
}


def build_spline(dataset: Dataset, recipe: Recipe, rng: np.random.Generator) -> Flow:
    """A neural spline flow; 16 bins in the plane, where the edges of the data are sharp."""
    factory = functools.partial(neural_spline, bins=16 if dataset.features == 2 else 8)
    return builder(factory)(dataset, recipe, rng)


def student_recipe(rows: int, features: int) -> Recipe:
    """The settings of an IAF that learns from a trained flow."""
    width = max(64, 1 << (4 * features - 1).bit_length())
    return replace(PLANE, steps=2000, hidden=(width, width), batch=256, ema=0.99)


def build_iaf(dataset: Dataset, recipe: Recipe, rng: np.random.Generator) -> Flow:
    """An IAF, to be trained against an energy, or a trained flow."""
    if dataset.kind == "flow":
        return student(
            dataset.source, recipe.layers or 6, recipe.hidden or (64, 64), rng=rng,
            activation=recipe.activation or "tanh",
        )  # fmt: skip
    return iaf(
        dataset.features, recipe.layers or 6, recipe.hidden or (64, 64), rng=rng,
        activation=recipe.activation or "tanh", c=3.0,
    )  # fmt: skip


MODELS = {
    "maf": Model(builder(maf), MAF, FLOW),
    "iaf": Model(build_iaf, {"energy": PLANE, "flow": student_recipe}, FLOW),
    "neural_spline": Model(build_spline, SPLINE, FLOW),
}
STEPS = {  # of the demo: full, quick
    ("maf", "digits"): (600, 40),
    ("neural_spline", "digits"): (350, 15),
    ("iaf", "ring"): (1000, 60),
    ("iaf", "wave"): (1500, 60),
}
LOOP = "MAF z to x, loop of D"
DIMENSIONS = (4, 16, 63), (4, 16)  # of the cost picture: full, quick
TEXT = """An autoregressive layer has a triangular Jacobian, so its log-determinant is a sum. MAF
reads x and gives z in one pass, IAF reads z and gives x in one pass; the other direction must find
the coordinates one after the other. Every hidden unit is final once the coordinates up to its
degree are known, so the sequential direction costs about one evaluation of the network too,
instead of D. Splines bend each coordinate freely and so follow sharp edges, as the
gallery above shows. IAF samples cheaply: it is trained without data, against an unnormalised
density, and finds its normaliser log Z."""


def result(rows: list[Row]) -> str:
    log_z = told(rows, "iaf", "ring", "log Z")
    return (
        f"On digits a neural spline flow needs {told(rows, 'neural_spline', 'digits', 'bits')} "
        f"bits a pixel, MAF {told(rows, 'maf', 'digits', 'bits')}. IAF finds log Z of the ring as "
        f"{log_z} nats; quadrature says {beside(rows, 'iaf', 'ring', 'quadrature')}."
    )


def trained(stage: Stage, name: str, data: str) -> Trained:
    """One model on one data set."""
    return stage.trained(name, MODELS[name], data, STEPS[name, data])


def digits(stage: Stage) -> Part:
    from minigen import plot

    spline, other = (trained(stage, name, "digits") for name in ("neural_spline", "maf"))
    x = spline.model.sample(64, rng=stage.rng)
    picture = plot.images(x, top=16, heading="64 samples of a neural spline flow")
    return [spline.rows[-1], other.rows[-1]], [
        Shot("splines_digits", picture, "The first 64 samples of a neural spline flow on digits.")
    ]


def energies(stage: Stage) -> Part:
    from minigen import plot

    fitted = {name: trained(stage, "iaf", name) for name in ("ring", "wave")}
    pairs = {n: (t.model, Normalized(t.data.source)) for n, t in fitted.items()}
    notes = {n: f"KL {t.rows[-1].value:.3f} nats" for n, t in fitted.items()}
    rows = [row for t in fitted.values() for row in t.rows]
    text = (
        "Above, two unnormalised densities; below, what IAF learned from their values alone, by "
        "reverse KL, without data."
    )
    return rows, [Shot("energies", plot.gallery(pairs, notes), text)]


class Normalized:
    """The density of an energy, from its values on a grid: what a picture needs."""

    def __init__(self, target: Any) -> None:
        self.target, self.log_z, axis = target, quadrature(target), np.linspace(-5, 5, 201)
        self.grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)

    def log_prob(self, x: ArrayLike) -> NDArray:
        return self.target.log_prob(x) - self.log_z

    def sample(self, n: int, *, rng: np.random.Generator) -> NDArray:
        p = np.exp(self.log_prob(self.grid))
        return self.grid[rng.choice(len(p), n, p=p / p.sum())]


def structure(stage: Stage) -> Part:
    from minigen import plot

    made = MADE.init(5, (12, 12), 2, rng=stage.rng)
    masks = (
        "The masks of a MADE with five columns and twelve hidden units a layer; rows are inputs, "
        "columns outputs, and blue weights are kept. Units stand in rising degree, so that what a "
        "unit may see lies above a staircase. The last panel: output i sees the columns before i."
    )
    cost = (
        "Milliseconds of one core for 500 rows through one layer of D columns. Dashed, the loop "
        "over D columns that the notes describe; the incremental way needs about one pass."
    )
    with limited(1):  # other parts of the demo have the other cores
        table = measured(stage.pick(*DIMENSIONS), stage.rng)
    return [], [
        Shot("masks", plot.masks([f.M.array for f in made.linears]), masks),
        Shot("cost", plot.cost(table, sequential=[LOOP]), cost),
    ]


def measured(
    dimensions: Sequence[int], rng: np.random.Generator, rows: int = 500, width: int = 256
) -> dict[str, tuple[Sequence[int], list[float]]]:
    """{direction: (D, seconds)} of one MAF and one IAF layer, float32, medians of three."""
    lines: dict[str, list[float]] = {}
    for D in dimensions:
        maf, iaf = (kind.init(D, (width, width), rng=rng) for kind in (MAFLayer, IAFLayer))
        x = rng.standard_normal((rows, D)).astype(np.float32)
        jobs = {
            "MAF x to z, one pass": (maf.forward, x),
            "IAF z to x, one pass": (iaf.forward, x),
            "MAF z to x, incremental": (maf.inverse, x),
            "IAF x to z, incremental": (iaf.inverse, x),
            LOOP: (d_passes, maf.made, x, maf.solve),
        }
        for name, job in jobs.items():
            lines.setdefault(name, []).append(_median(*job))
    return {name: (dimensions, seconds) for name, seconds in lines.items()}


def _median(job: Callable[..., Any], *inputs: Any) -> float:
    """The median seconds of three runs, after a first one that may compile."""
    job(*inputs)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        job(*inputs)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


PARTS = (digits, energies, structure)


def chapter(parts: Sequence[Part]) -> Chapter:
    return Chapter.of(
        "MAF, IAF and neural splines", TEXT, parts, result,
        ("03_autoregressive", "07_likelihoods"),
        ("minigen train maf --data digits --out maf.npz", "minigen evaluate maf.npz --data digits"),
    )  # fmt: skip
