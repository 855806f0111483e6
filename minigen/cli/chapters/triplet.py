"""The triplet loss: an embedding in which rows of one class lie near each other."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigen.cli.chapter import Chapter, Family, Model, Part, Recipe, Shot, Stage
from minigen.cli.datasets import Dataset
from minigen.cli.results import Row, mean
from minigen.core import validate
from minigen.metric import (
    PCA,
    Balanced,
    MinedTripletLoss,
    RandomAffine,
    collapse,
    embedding,
    nearest,
    recall,
)  # fmt: skip
from minigen.metric.retrieval import hit_ranks
from minigen.training import Run, fit

DIMS = 16
TEMPERATURE = 0.1  # of InfoNCE
NEAR = 5  # neighbours that are looked at


def table_recipe(rows: int, features: int) -> Recipe:
    """The settings for a table: wider and longer where rows are many."""
    many = rows >= 2000
    steps = 2000 if many else 500
    return Recipe(
        steps=steps, hidden=(128, 128) if many else (32,), activation="tanh", batch=128,
        weight_decay=1.0, ema=0.98, patience=10, validate_every=steps // 50,
    )  # fmt: skip


RECIPES = {
    "table": table_recipe,
    "digits": Recipe(
        steps=1200, hidden=(256, 256), activation="relu", batch=160, weight_decay=0.01, ema=0.995
    ),
}
STEPS = 1200, 60  # of the demo: full, quick
TEXT = """The triplet loss pulls an image towards another of its class and pushes it from one of
another class, until the gap is a margin. What is measured is retrieval on images never seen: the
share of test images whose nearest neighbour, or one of the nearest five, has their label."""
SPLIT = """Training and test images are by different people, but a test image's neighbours are test
images too, often by the same hand: pixels alone find those, so pixels are hard to beat here."""


def build(
    dataset: Dataset, recipe: Recipe, rng: np.random.Generator, temperature: float | None = None
) -> MinedTripletLoss:
    """An embedding of images in 16 dimensions, of a table's rows in no more than its columns.

    With a temperature it is trained by InfoNCE, on all negatives at once.
    """
    hidden, activation = recipe.hidden or (256, 256), recipe.activation or "relu"
    options: dict[str, Any] = {"hidden": hidden, "activation": activation, "rng": rng}
    options["temperature"] = temperature
    if dataset.kind != "table":
        return embedding(dataset.features, DIMS, **options)
    if dataset.labels is None:
        what = "the column of the classes, which the loss needs"
        raise validate.expected("--label", what, "none")
    dims = max(2, min(DIMS, dataset.features))
    return embedding(dataset.features, dims, init_from=dataset.train, **options)


def fit_embedding(
    model: MinedTripletLoss, dataset: Dataset, recipe: Recipe, *, rng: np.random.Generator,
    progress: bool | None = None,
) -> Run:  # fmt: skip
    """Training on batches with as many of each class; each image is moved a little."""
    if dataset.kind == "table" and dataset.labels is not None:
        y, new = dataset.labels
        held_out = None if new is None or dataset.validation is None else (dataset.validation, new)
        return fit(
            model, Balanced(dataset.train, y), validation=held_out, rng=rng, progress=progress,
            **recipe.without_validation(held_out is None).training,
        )  # fmt: skip
    train, validation = dataset.source.train, dataset.source.validation
    batches = Balanced(train.x / np.float32(16), train.y, augment=RandomAffine(8))
    held_out = validation.x / np.float32(16), validation.y
    return fit(model, batches, validation=held_out, rng=rng, progress=progress, **recipe.training)


def measure_embedding(
    name: str, model: MinedTripletLoss, dataset: Dataset, *, rng: np.random.Generator
) -> list[Row]:
    """recall@1 and @5 on the test images, beside pixels and principal components."""
    if dataset.kind == "table":
        return _table_rows(name, model, dataset)
    if dataset.kind != "digits":
        raise validate.expected("--data", "digits or a table, for an embedding", dataset.name)
    train, test = dataset.source.train, dataset.source.test
    pca = PCA.of(train.x, DIMS).embed(test.x)
    found = {"pixels": recall(test.x, test.y), f"PCA-{DIMS}": recall(pca, test.y)}
    mine = recall(model.embed(test.x / np.float32(16)), test.y)
    return [
        Row(name, dataset.name, f"recall@{k}", mine[k], None, {n: r[k] for n, r in found.items()})
        for k in (1, 5)
    ]


def _table_rows(name: str, model: MinedTripletLoss, dataset: Dataset) -> list[Row]:
    """recall among all rows of a file, of the rows seen apart from those held out."""
    record, x = dataset.record, dataset.source
    if record is None or dataset.labels is None:
        raise validate.expected("--data", "a table with the label", dataset.name)
    if len(x) <= NEAR:
        raise validate.expected(dataset.name, f"more than {NEAR} rows", len(x))
    std = np.sqrt(np.diag(record.covariance))
    places = {"": model.embed(x), "columns, standardised": (x - record.mean) / std}
    hits = {of: hit_ranks(e, dataset.labels[0], NEAR) for of, e in places.items()}
    rows = []
    for part, mask in record.parts(x).items():
        for k in (1, NEAR):
            found = {of: h[mask, :k].any(axis=1).astype(float) for of, h in hits.items()}
            mine = found.pop("")
            said = f"recall@{k}: {part}, {mask.sum()} rows"
            beside = {of: float(values.mean()) for of, values in found.items()}
            rows.append(mean(name, dataset.name, said, mine, beside))
    return rows


EMBEDDING = Family(MinedTripletLoss, fit_embedding, None, measure_embedding, unit="")
MODELS = {
    "triplet": Model(build, RECIPES, EMBEDDING),
    "info_nce": Model(functools.partial(build, temperature=TEMPERATURE), RECIPES, EMBEDDING),
}


def images(stage: Stage) -> Part:
    from minigen import plot

    done = stage.trained("triplet", MODELS["triplet"], "digits", STEPS)
    test = done.data.source.test
    e = done.model.embed(test.x / np.float32(16))
    queries = np.arange(0, 60, 10)
    near = test.x[nearest(e, 6, queries=queries)]
    flat = plot.embedding(PCA.of(e, 2).embed(e), test.x, test.y)
    state = collapse(done.run, done.model)
    text = (
        f"Test images of other writers by the two main directions of their {DIMS}-dimensional "
        f"embedding, coloured by digit; the other {DIMS - 2} directions are not drawn. Training: "
        f"{state}."
    )
    shots = (
        Shot("embedding", flat, text),
        Shot("embedding_neighbours", plot.neighbours(test.x[queries], near, top=16),
             "Left, test images; to the right of each, the test images nearest to it in the "
             "embedding."),
    )  # fmt: skip
    return done.rows, shots


PARTS = (images,)


def result(rows: list[Row]) -> str:
    said = ", ".join(f"{value:.3f} by {of}" for of, value in rows[0].beside.items())
    return (
        f"Of test images by other writers, {rows[0].value:.3f} have a nearest neighbour with "
        f"the same digit in the embedding; {said}."
    )


def chapter(parts: Sequence[Part]) -> Chapter:
    return Chapter.of(
        "The triplet loss", f"{TEXT} {SPLIT}", parts, result, ("08_triplet_loss",),
        ("minigen train triplet --data digits --steps 3000 --out triplet.npz",
         "minigen evaluate triplet.npz --data digits"),
    )  # fmt: skip
