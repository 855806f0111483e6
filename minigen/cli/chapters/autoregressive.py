"""MAF, IAF and neural splines: digits, sharp toys, energies, and what each direction costs."""

import time
from dataclasses import replace

import numpy as np

from minigen.cli.chapter import Chapter, Model, Recipe, Shot
from minigen.cli.chapters.flows import FLOW, builder
from minigen.cli.datasets import dataset
from minigen.flows import MADE, IAFLayer, MAFLayer, iaf, maf, neural_spline
from minigen.flows.normalizer import quadrature
from minigen.flows.sequential import d_passes

WIDE = {"layers": 5, "activation": "relu", "batch": 128, "weight_decay": 3.0, "ema": 0.99}
PLANE = {"hidden": (64, 64), "activation": "relu", "batch": 512, "lr": 2e-3}
MAF = {
    "toy": Recipe(steps=3000, layers=6, **PLANE | {"activation": "tanh", "lr": 5e-3}),
    "table": Recipe(steps=2000, layers=5, hidden=(64, 64), activation="tanh", weight_decay=1.0),
    "digits": Recipe(steps=1000, hidden=(256, 256), **WIDE),
}
SPLINE = {
    "toy": Recipe(steps=3000, layers=3, **PLANE),
    "table": Recipe(steps=2000, layers=3, hidden=(64, 64), activation="relu", weight_decay=1.0),
    "digits": Recipe(steps=1000, hidden=(128, 128), **WIDE),
}
IAF = {"energy": Recipe(steps=3000, layers=6, **PLANE | {"activation": "tanh"})}


def spline(features, layers, hidden, **options):
    """A neural spline flow; 16 bins in the plane, where the edges of the data are sharp."""
    bins = 16 if features == 2 else 8
    return neural_spline(features, layers, hidden, bins=bins, **options)


def build_iaf(dataset, recipe, rng):
    hidden, f = recipe.hidden, recipe.activation
    return iaf(dataset.features, recipe.layers, hidden, activation=f, c=3.0, rng=rng)


MODELS = {
    "maf": Model(builder(maf), MAF),
    "iaf": Model(build_iaf, IAF),
    "neural_spline": Model(builder(spline), SPLINE),
}
FAMILIES = {"Flow": FLOW}
STEPS = {  # of the demo: full, quick
    ("neural_spline", "checkerboard"): (900, 40),
    ("neural_spline", "eight_gaussians"): (600, 40),
    ("maf", "digits"): (300, 40),
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
instead of D. Splines bend each coordinate freely and so follow sharp edges. IAF samples cheaply:
it is trained without data, against an unnormalised density, and finds its normaliser log Z."""


def show(stage):
    rows, shots = [], []
    for part in (plane, digits, energies, structure):
        more_rows, more_shots = part(stage)
        rows += more_rows
        shots += more_shots
    return Chapter("MAF, IAF and neural splines", TEXT, tuple(rows), tuple(shots))


def trained(stage, name, data):
    """(model, rows) of one model on one data set."""
    d = dataset(data, stage.rng)
    steps = stage.pick(*STEPS[name, data])
    recipe = replace(MODELS[name].recipe(name, d), steps=steps)
    flow = MODELS[name].build(d, recipe, stage.rng)
    stage.train(name, flow, FLOW, d, recipe)
    return flow, FLOW.measure(name, flow, d, rng=stage.rng)


def plane(stage):
    from minigen import plot

    fitted = {n: trained(stage, "neural_spline", n) for n in ("checkerboard", "eight_gaussians")}
    pairs = {n: (flow, dataset(n, stage.rng).source) for n, (flow, _) in fitted.items()}
    notes = {n: f"KL {rows[-1].value:.3f} nats" for n, (_, rows) in fitted.items()}
    text = "Neural splines have the corners that affine maps cannot have."
    shot = Shot("splines", plot.gallery(pairs, notes), text)
    return [rows[-1] for _, rows in fitted.values()], [shot]


def digits(stage):
    from minigen import plot

    flow, rows = trained(stage, "neural_spline", "digits")
    _, maf_rows = trained(stage, "maf", "digits")
    x = flow.sample(64, rng=stage.rng)
    picture = plot.images(x, top=16, heading="64 samples of a neural spline flow")
    return [rows[-1], maf_rows[-1]], [Shot("splines_digits", picture, "Not chosen by hand.")]


def energies(stage):
    from minigen import plot

    rows, pairs, notes = [], {}, {}
    for name in ("ring", "wave"):
        flow, more = trained(stage, "iaf", name)
        rows += more
        pairs[name] = flow, Normalized(dataset(name, stage.rng).source)
        notes[name] = f"KL {more[-1].value:.3f} nats"
    text = "IAF trained by reverse KL: no data, only the unnormalised density above."
    return rows, [Shot("energies", plot.gallery(pairs, notes), text)]


class Normalized:
    """The density of an energy, from its values on a grid: what a picture needs."""

    def __init__(self, target, low=-5.0, high=5.0, points=201):
        self.target, self.log_z, axis = target, quadrature(target), np.linspace(low, high, points)
        self.grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)

    def log_prob(self, x):
        return self.target.log_prob(x) - self.log_z

    def sample(self, n, *, rng):
        p = np.exp(self.log_prob(self.grid))
        return self.grid[rng.choice(len(p), n, p=p / p.sum())]


def structure(stage):
    from minigen import plot

    made = MADE.init(5, (12, 12), 2, rng=stage.rng)
    masks = "Masks of a MADE in degree order; their product allows nothing on or above the diagonal"
    cost = "Seconds of 500 rows through one layer; the sequential direction need not cost D passes."
    table = measured(stage.pick(*DIMENSIONS), stage.rng)
    return [], [
        Shot("masks", plot.masks([f.M for f in made.linears]), masks),
        Shot("cost", plot.cost(table, sequential=[LOOP]), cost),
    ]


def measured(dimensions, rng, rows=500, hidden=(256, 256)):
    """{direction: (D, seconds)} of one MAF and one IAF layer, float32, medians of three."""
    lines = {}
    for D in dimensions:
        maf, iaf = (kind.init(D, hidden, rng=rng) for kind in (MAFLayer, IAFLayer))
        x = rng.standard_normal((rows, D)).astype(np.float32)
        jobs = {
            "MAF x to z, one pass": lambda: maf.forward(x),  # noqa: B023
            "IAF z to x, one pass": lambda: iaf.forward(x),  # noqa: B023
            "MAF z to x, incremental": lambda: maf.inverse(x),  # noqa: B023
            "IAF x to z, incremental": lambda: iaf.inverse(x),  # noqa: B023
            LOOP: lambda: d_passes(maf.made, x, maf.solve),  # noqa: B023
        }
        for name, job in jobs.items():
            lines.setdefault(name, []).append(median(job))
    return {name: (dimensions, seconds) for name, seconds in lines.items()}


def median(job, times=3):
    """The median seconds of a job, after a first run that may compile."""
    job()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))
