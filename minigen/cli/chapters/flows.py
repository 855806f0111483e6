"""What all flows share on the command line: preprocessing, training, sampling, measures."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.cli.chapter import Family, Recipe
from minigen.cli.chapters.tables import is_small
from minigen.cli.datasets import Dataset
from minigen.cli.results import Row, mean
from minigen.core import validate
from minigen.data import baselines
from minigen.flows import Affine, Flow, Logit, Whiten, log_normalizer
from minigen.flows.normalizer import quadrature
from minigen.training import Run, fit

DRAWS = 8  # of the dequantisation noise, for each test image


def preparation(dataset: Dataset, rng: np.random.Generator) -> dict[str, Any]:
    """The options of a flow's factory that bring the data near N(0, I), Jacobian counted."""
    if dataset.kind == "digits":
        before = (Logit(bins=float(dataset.levels), low=0.01),)
        return {"before": before, "levels": dataset.levels, "init_from": dataset.train}
    if dataset.kind == "table":
        kind = Whiten.init_from if is_small(*dataset.train.shape) else Affine.standardize
        return {"before": (kind(dataset.train),), "init_from": dataset.train}
    return {"init_from": dataset.source.sample(2000, rng=rng)}


def builder(
    factory: Callable[..., Flow],
) -> Callable[[Dataset, Recipe, np.random.Generator], Flow]:
    """The `build` of a Model, from a factory of `minigen.flows`."""

    def build(dataset: Dataset, recipe: Recipe, rng: np.random.Generator) -> Flow:
        return factory(
            dataset.features, recipe.layers, recipe.hidden, rng=rng,
            activation=recipe.activation, **preparation(dataset, rng),
        )  # fmt: skip

    return build


def fit_flow(
    flow: Flow, dataset: Dataset, recipe: Recipe, *, rng: np.random.Generator,
    progress: bool | None = None,
) -> Run:  # fmt: skip
    """Maximum likelihood; reverse KL where there is no data but an unnormalised density."""
    if dataset.kind == "energy":
        loss, base = flow.reverse_kl(dataset.source), flow.base
        return fit(loss, base, rng=rng, progress=progress, clip=5.0, **recipe.training)
    return fit(
        flow.nll, dataset.train, validation=dataset.validation, rng=rng, progress=progress,
        **recipe.training,
    )  # fmt: skip


def sample_flow(flow: Flow, n: int, *, rng: np.random.Generator) -> NDArray:
    """Samples of a flow without a context."""
    if flow.context:
        raise validate.expected("model", "one without a context", f"{flow.context} columns of it")
    return flow.sample(n, rng=rng)


def same_levels(name: str, model: Any, dataset: Dataset) -> None:
    """Refuse data that are not of the kind of the model."""
    if model.levels != dataset.levels:
        got = f"one of {model.levels or 'continuous'} levels"
        raise validate.expected(name, f"a model of data with {dataset.levels} levels", got)


def measure_flow(name: str, flow: Flow, dataset: Dataset, *, rng: np.random.Generator) -> list[Row]:
    """Nats and KL where the truth is known, bits per dimension beside the baselines for digits."""
    if dataset.kind == "energy":
        return _energy_rows(name, flow, dataset, rng)
    x = dataset.test(rng)
    same_levels(name, flow, dataset)
    if dataset.levels:
        bits = flow.bits_per_dim(x, rng=rng, draws=DRAWS)
        nats = bits * flow.features * np.log(2)
        return [
            mean(name, dataset.name, "NLL of an image, nats", nats, {}),
            mean(name, dataset.name, "bits/dim, discrete", bits, baselines(dataset.source)),
        ]
    logp = flow.log_prob(x).astype(np.float64)
    if dataset.kind == "table":
        return [mean(name, dataset.name, "NLL, nats", -logp, {})]
    truth, entropy = dataset.source.log_prob(x), dataset.source.entropy
    return [
        Row(name, dataset.name, "entropy of the truth, nats", entropy),
        mean(name, dataset.name, "NLL, nats", -logp, {"entropy": entropy}),
        mean(name, dataset.name, "KL(truth, model), nats", truth - logp, {"perfect": 0}),
    ]


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
