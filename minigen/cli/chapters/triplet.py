"""The triplet loss: an embedding of the digits in which like lies near like."""

from typing import NoReturn

import numpy as np

from minigen.cli.chapter import Chapter, Family, Model, Recipe, Shot, Stage
from minigen.cli.datasets import Dataset
from minigen.cli.results import Row
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
from minigen.training import Run, fit

DIMS = 16
RECIPES = {
    "digits": Recipe(
        steps=1200, hidden=(256, 256), activation="relu", batch=160, weight_decay=0.01, ema=0.995
    )
}
STEPS = 1200, 60  # of the demo: full, quick
TEXT = """The triplet loss pulls an image towards another of its class and pushes it from one of
another class, until the gap is a margin. What is measured is retrieval on images never seen: the
share of test images whose nearest neighbour, or one of the nearest five, has their label."""


def build(dataset: Dataset, recipe: Recipe, rng: np.random.Generator) -> MinedTripletLoss:
    """An embedding of images."""
    hidden, activation = recipe.hidden or (256, 256), recipe.activation or "relu"
    return embedding(dataset.features, DIMS, hidden=hidden, activation=activation, rng=rng)


def fit_embedding(
    model: MinedTripletLoss, dataset: Dataset, recipe: Recipe, *, rng: np.random.Generator,
    progress: bool | None = None,
) -> Run:  # fmt: skip
    """Training on batches with as many of each class, each image moved a little."""
    train, validation = dataset.source.train, dataset.source.validation
    batches = Balanced(train.x / np.float32(16), train.y, augment=RandomAffine(8))
    held_out = validation.x / np.float32(16), validation.y
    return fit(model, batches, validation=held_out, rng=rng, progress=progress, **recipe.training)


def sample_embedding(model: MinedTripletLoss, n: int, *, rng: np.random.Generator) -> NoReturn:
    """There is nothing to sample."""
    raise validate.expected("model", "one that can be sampled", "an embedding")


def measure_embedding(
    name: str, model: MinedTripletLoss, dataset: Dataset, *, rng: np.random.Generator
) -> list[Row]:
    """recall@1 and @5 on the test images, beside pixels and principal components."""
    if dataset.kind != "digits":
        raise validate.expected("--data", "digits, for an embedding", dataset.name)
    train, test = dataset.source.train, dataset.source.test
    pca = PCA.of(train.x, DIMS).embed(test.x)
    found = {"pixels": recall(test.x, test.y), f"PCA-{DIMS}": recall(pca, test.y)}
    mine = recall(model.embed(test.x / np.float32(16)), test.y)
    return [
        Row(name, dataset.name, f"recall@{k}", mine[k], None, {n: r[k] for n, r in found.items()})
        for k in (1, 5)
    ]


EMBEDDING = Family(MinedTripletLoss, fit_embedding, sample_embedding, measure_embedding)
MODELS = {"triplet": Model(build, RECIPES, EMBEDDING)}


def show(stage: Stage) -> Chapter:
    from minigen import plot

    done = stage.trained("triplet", MODELS["triplet"], "digits", STEPS)
    test = done.data.source.test
    e = done.model.embed(test.x / np.float32(16))
    queries = np.arange(0, 60, 10)
    near = test.x[nearest(e, 6, queries=queries)]
    flat = plot.embedding(PCA.of(e, 2).embed(e), test.x, test.y)
    state = collapse(done.run, done.model)
    text = f"Test images by the two main directions of {DIMS}. Training: {state}."
    shots = (
        Shot("embedding", flat, text),
        Shot("embedding_neighbours", plot.neighbours(test.x[queries], near, top=16),
             "Test images and their nearest neighbours in the embedding."),
    )  # fmt: skip
    return Chapter("The triplet loss", TEXT, done.rows, shots)
