"""What all flows share on the command line: preprocessing, training, sampling, measures."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.cli.chapter import Family, Recipe
from minigen.cli.chapters.measures import table_rows
from minigen.cli.chapters.tables import is_small, starts_bent
from minigen.cli.datasets import Dataset
from minigen.cli.results import Row, mean
from minigen.core import validate
from minigen.core.contract import Bijection
from minigen.core.numeric import logsumexp
from minigen.data import Glyphs
from minigen.flows import (
    Chain,
    ColumnSplines,
    ContextShift,
    Flow,
    Logit,
    Preprocess,
    Whiten,
    distil,
    kl_samples,
    log_normalizer,
    nice,
    real_nvp,
)  # fmt: skip
from minigen.flows.bayes_rule import by_class
from minigen.flows.levels import dequantized_columns
from minigen.flows.losses import dequantized
from minigen.flows.normalizer import quadrature
from minigen.training import Run, fit

FEW_C = 0.5  # the bound of log-scales where rows are few: a flow then bends the tails less
STUDENT_POINTS = 5000  # samples of a student, for its KL
COUPLINGS = real_nvp, nice
DRAWS = 8  # of the dequantisation noise, for each test image


def preparation(dataset: Dataset, rng: np.random.Generator) -> dict[str, Any]:
    """The options of a flow's factory that bring the data near N(0, I), Jacobian counted."""
    if dataset.pictures:
        context = 0 if dataset.labels is None else len(dataset.classes)
        return {
            "before": (Logit(bins=float(dataset.levels), low=0.01),), "levels": dataset.levels,
            "init_from": dataset.source.train.x, "context": context,
        }  # fmt: skip
    if dataset.kind == "table":
        return table_preparation(dataset, rng)
    return {"init_from": dataset.source.sample(2000, rng=rng)}


def table_preparation(dataset: Dataset, rng: np.random.Generator) -> dict[str, Any]:
    """The maps that make the start a good density already; the label as a one-hot context."""
    rows = dataset.train
    if dataset.validation is not None:
        rows = np.concatenate([rows, dataset.validation])
    options: dict[str, Any] = {"context": len(dataset.classes)}
    if dataset.record is not None and dataset.record.grid.levels:
        options["levels"] = dataset.record.grid.levels
        rows = _dequantized(rows, options["levels"], rng)
    options["before"] = _start(rows)
    return options | ({"c": FEW_C} if is_small(*rows.shape) else {})


def _start(rows: NDArray) -> tuple[Bijection, ...]:
    """The full-covariance Gaussian, or with a spline for each principal axis."""
    if starts_bent(*rows.shape):
        white = Whiten.init_from(rows, axes="principal")
        splines = ColumnSplines.init_from(white.forward(rows)[0])
        if splines.r.any():
            return white, splines
    return (Whiten.init_from(rows),)


def centred(flow: Flow, dataset: Dataset, rng: np.random.Generator) -> Flow:
    """A conditional flow that starts with the classes' own means and their common covariance."""
    assert dataset.labels is not None and isinstance(flow.chain, Chain)
    context = one_hot(dataset.labels[0], flow.context)
    first, *rest = flow.chain.layers
    z = first.forward(_dequantized(dataset.train, flow.levels, rng))[0]
    shift = ContextShift.init_from(z, context)
    white = Whiten.init_from(z - context @ shift.W)
    # the mean and the covariance of what is left, taken off in one fixed map after the shift
    return replace(flow, chain=Chain((first, shift, Preprocess.of(white), *rest)))


def _dequantized(x: NDArray, levels: Any, rng: np.random.Generator) -> NDArray:
    return dequantized_columns("data", x, levels, rng) if levels else x


def builder(
    factory: Callable[..., Flow],
) -> Callable[[Dataset, Recipe, np.random.Generator], Flow]:
    """The `build` of a Model, from a factory of `minigen.flows`."""

    def build(dataset: Dataset, recipe: Recipe, rng: np.random.Generator) -> Flow:
        if dataset.kind == "table" and dataset.features < 2 and factory in COUPLINGS:
            what = f"at least two columns for {factory.__name__} (maf takes one)"
            raise validate.expected(dataset.name, what, dataset.features)
        options = preparation(dataset, rng)
        if "c" not in inspect.signature(factory).parameters:
            options.pop("c", None)
        flow = factory(
            dataset.features, recipe.layers, recipe.hidden, rng=rng,
            activation=recipe.activation, **options,
        )  # fmt: skip
        plain = dataset.labels is None or dataset.pictures
        return flow if plain else centred(flow, dataset, rng)

    return build


def fit_flow(
    flow: Flow, dataset: Dataset, recipe: Recipe, *, rng: np.random.Generator,
    progress: bool | None = None,
) -> Run:  # fmt: skip
    """Maximum likelihood; reverse KL where there is no data but a density."""
    if dataset.kind in ("energy", "flow"):
        learn = flow.reverse_kl if dataset.kind == "energy" else functools.partial(distil, flow)
        loss, base = learn(dataset.source), flow.base
        return fit(loss, base, rng=rng, progress=progress, clip=5.0, **recipe.training)
    data, held_out = dataset.train, dataset.validation
    if dataset.labels is not None:
        y, new = dataset.labels
        data = OneHot(y) if isinstance(y, Glyphs) else (data, one_hot(y, flow.context))
        held_out = (
            None if new is None or held_out is None else (held_out, one_hot(new, flow.context))
        )
    return fit(
        flow.nll, data, validation=held_out, rng=rng, progress=progress,
        **recipe.without_validation(held_out is None and dataset.kind == "table").training,
    )  # fmt: skip


def one_hot(y: NDArray, classes: int) -> NDArray:
    """Class numbers (N,) as rows (N, classes) of one 1."""
    return np.eye(classes)[y]


@dataclass(frozen=True)
class OneHot:
    """Glyphs with their classes as rows of one 1, drawn afresh."""

    source: Glyphs

    def sample(self, n: int, *, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        x, y = self.source.sample(n, rng=rng)
        return x, one_hot(y, len(self.source.characters))


def sample_flow(
    flow: Flow, n: int, *, rng: np.random.Generator, label: NDArray | None = None
) -> NDArray:
    """Samples of a flow, of the classes `label` if it is conditional."""
    if not flow.context:
        return flow.sample(n, rng=rng)
    if label is None and flow.levels:
        label = np.arange(n) % flow.context
    if label is None:
        got = f"{flow.context} columns of it and no label"
        raise validate.expected("model", "one without a context", got)
    return flow.sample(n, one_hot(label, flow.context), rng=rng)


def same_levels(name: str, model: Any, dataset: Dataset) -> None:
    """Refuse data that are not of the kind of the model."""
    if model.levels != dataset.levels:
        got = f"one of {model.levels or 'continuous'} levels"
        raise validate.expected(name, f"a model of data with {dataset.levels} levels", got)


def measure_flow(name: str, flow: Flow, dataset: Dataset, *, rng: np.random.Generator) -> list[Row]:
    """Nats and KL where the truth is known, bits per dimension beside the baselines for digits."""
    if dataset.kind == "energy":
        return _energy_rows(name, flow, dataset, rng)
    if dataset.kind == "flow":
        gap = kl_samples(flow, dataset.source, STUDENT_POINTS, rng=rng)
        return [mean(name, dataset.name, "KL(model, data's flow), nats", gap, {"perfect": 0})]
    x = dataset.test(rng)
    if dataset.record is not None:
        return table_rows(name, dataset, -table_log_prob(flow, x, dataset, rng))
    same_levels(name, flow, dataset)
    if dataset.kind == "table":
        return table_rows(name, dataset, -table_log_prob(flow, x, dataset, rng))
    if dataset.levels:
        return _picture_rows(name, flow, dataset, rng)
    logp = flow.log_prob(x).astype(np.float64)
    truth, entropy = dataset.source.log_prob(x), dataset.source.entropy
    return [
        Row(name, dataset.name, "entropy of the truth, nats", entropy),
        mean(name, dataset.name, "NLL, nats", -logp, {"entropy": entropy}),
        mean(name, dataset.name, "KL(truth, model), nats", truth - logp, {"perfect": 0}),
    ]


def _picture_rows(
    name: str, flow: Flow, dataset: Dataset, rng: np.random.Generator
) -> list[Row]:  # fmt: skip
    """Bits per dimension; of a conditional flow also how well Bayes' rule finds the class."""
    x, y, per = dataset.source.test.x, dataset.source.test.y, flow.features * np.log(2)
    found = []
    if flow.context:
        logp = by_class(flow, np.asarray(dequantized(flow, x, rng)))
        nats = np.log(flow.context) - logsumexp(logp)  # p(x) = mean of p(x | y) over the classes
        if y is not None:
            right = logp.argmax(axis=1) == y
            given = -logp[np.arange(len(y)), y] / per
            found = [
                mean(name, dataset.name, "bits/dim, given the label", given, {}),
                mean(name, dataset.name, "Bayes' rule, share right", right, chance(y)),
            ]
    else:
        nats = flow.bits_per_dim(x, rng=rng, draws=DRAWS) * per
    return [
        mean(name, dataset.name, "NLL of an image, nats", nats, {}),
        mean(name, dataset.name, "bits/dim, discrete", nats / per, dataset.baselines),
        *found,
    ]


def chance(y: NDArray) -> dict[str, float]:
    """The share that is right if the most frequent class is always said."""
    return {"the most frequent class": float(np.bincount(y).max() / len(y))}


def table_log_prob(flow: Flow, x: NDArray, dataset: Dataset, rng: np.random.Generator) -> NDArray:
    """log p of each row, given its label if the flow is conditional."""
    if flow.context and dataset.labels is None:
        raise validate.expected("--data", "a table with the label", dataset.name)
    context = () if dataset.labels is None else (one_hot(dataset.labels[0], flow.context),)
    if not flow.levels:
        return flow.log_prob(x, *context).astype(np.float64)
    nats = flow.bits_per_dim(x, *context, rng=rng, draws=DRAWS) * flow.features * np.log(2)
    return -nats


def _energy_rows(name: str, flow: Flow, dataset: Dataset, rng: np.random.Generator) -> list[Row]:
    """log Z by importance sampling with the flow, beside quadrature; and KL(flow, p)."""
    truth = quadrature(dataset.source)
    found = log_normalizer(flow, dataset.source, rng=rng)
    kl = truth - found.bound
    return [
        Row(name, dataset.name, "log Z, nats", found.estimate, found.error, {"quadrature": truth}),
        Row(name, dataset.name, "KL(model, truth), nats", kl, None, {"perfect": 0}),
    ]


FLOW = Family(Flow, fit_flow, sample_flow, measure_flow)
