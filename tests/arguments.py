"""Every public function with wrong arguments: right values, wrong values, and what is an answer.

`public()` finds every name of every `__all__`. `GOOD` has one right value for each parameter name;
`CALLS` says what differs for one function. Each parameter of each function is then given every
value that is wrong for its annotation. An answer is

    refused     InvalidInput that names the argument, what was expected and what came
    raw         another error                        nan       a result with NaN in it
    accepted    a wrong value that was taken         hang      no answer within SECONDS
    valid       a result, where the value may be right

A new public name needs its right values here: a line in `GOOD` for a new parameter name, one in
`CALLS` where the common values do not fit or for an object whose methods are called (its instance
is made from the same line). What cannot be called so stands in `SKIPPED`, with the reason.
"""

import contextlib
import dataclasses
import faulthandler
import functools
import importlib
import inspect
import io
import pkgutil
import re
import signal
import sys
import tempfile
import threading
import types
import typing
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

import minigen as mg
from minigen.core import signature
from minigen.core.validate import InvalidInput

SECONDS = 60.0  # a guard, no measure: of a loop in Python; in a compiled one, ten times as long
CONTRACT = {  # called in every step, with what a public function has checked: never checked again
    "forward",
    "backward",
    "inverse",
    "inverse_backward",
    "draw",
    "rows",
    "examine",
    "prepared",
    "metrics",
    "defined",
    "reached",
    "slow",
}
INNER = {  # parts of a layer's forward or of a loop
    "step",
    "start",
    "score",
    "components",
    "level",
    "log_density",
    "jacobian",
    "scale_shift",
    "moved",
    "moved_backward",
    "through",
    "through_backward",
    "embedded",
    "embedded_backward",
    "joined",
    "shaped",
    "arranged",
    "conditionals",
    "solve",
    "each",
    "positive",
    "single",
    "grads",
    "factors",
    "prediction",
    "prediction_backward",
    "predicted",
    "distances",
    "cost",
    "weight",
    "run",
    "logdet",
    "sources",
    "arguments",
    "mean",
    "solve_backward",
    "record",
    "guided",
    "moved_back",
    "as_pictures",
    "as_rows",
    "cut",
    "density_of",
    "evaluated",
    "read",
    "estimates",
    "noise",
    "metrics",
    "set",
    "one",
    "one_backward",
    "apart",
    "put",
}


@functools.cache
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@functools.cache
def schedule() -> Any:
    return mg.diffusion.linear_schedule(4)


@functools.cache
def flow() -> Any:
    return mg.flows.real_nvp(2, layers=2, hidden=(4,), rng=rng())


def fresh() -> Any:
    return mg.flows.real_nvp(2, layers=2, hidden=(4,), rng=rng())


@functools.cache
def conditional() -> Any:
    return mg.flows.maf(2, layers=1, hidden=(4,), context=1, rng=rng())


@functools.cache
def pixels() -> Any:
    return mg.flows.real_nvp(2, layers=2, hidden=(4,), levels=4, rng=rng())


@functools.cache
def ddpm() -> Any:
    return mg.diffusion.ddpm(2, schedule(), hidden=4, blocks=1, classes=2, rng=rng())


@functools.cache
def net() -> Any:
    return mg.metric.embedding(2, 2, hidden=(4,), rng=rng())


@functools.cache
def run() -> Any:
    made = mg.flows.real_nvp(2, layers=2, hidden=(4,), rng=rng())
    return mg.fit(made.nll, X, steps=3, rng=rng(), progress=False)


@functools.cache
def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="minigen-arguments-"))


X = np.random.default_rng(1).standard_normal((12, 2))
LABELS = np.arange(12) % 3
PICTURES = np.abs(X[:, :1, None]) * np.ones((12, 4, 4)) % 1


def layer() -> Any:
    return mg.nn.Linear.init(2, 2, rng=rng(), dtype=np.float64)


def coupling_net() -> Any:
    return mg.nn.mlp(1, 4, 2, rng=rng())


def identity(*args: Any) -> Any:
    return args[0] if args else None


def spline() -> Any:
    return mg.flows.Spline(2)


def autoregressive(parts: int = 2) -> Any:
    return mg.flows.MADE.init(2, (4,), parts, rng=rng())


def reverse() -> Any:
    return ddpm().reverse


def chain_of(kind: str) -> Any:
    if kind == "symbols":
        return mg.markov.CategoricalChain.init(3)
    return mg.markov.GaussianChain.init(2)


def elbo() -> Any:
    return ddpm().elbo(X, rng=rng())


def array_file() -> Path:
    path = folder() / "x.npy"
    np.save(path, X)
    return path


def model_file() -> Path:
    path = folder() / "model.npz"
    mg.save(path, flow())
    return path


A1 = {"A": np.full((3, 1), 0.5), "rest": np.full((3, 1), 0.5)}
TIMES = np.array([1, 2, 3])
SYMBOLS = [[0, 1, 2], [1, 1, 0]]
VECTORS = np.random.default_rng(2).standard_normal((4, 5, 2))
SEQUENCES = {"y": SYMBOLS, "x": VECTORS}
LINES = {"one": (np.array([1.0, 2.0]), np.array([2.0, 1.0]))}
PROBABILITIES = np.full((3, 3), 1 / 3)
NEW = {"rng": rng, "dtype": np.float64}

SHAPE = (4, 4, 2)


def convolutions() -> Any:
    mask = mg.flows.channelwise(SHAPE)
    return mg.flows.ConvNet.init(SHAPE, mask, 4, blocks=1, groups=2, rng=rng())


def transformer() -> Any:
    return mg.flows.TransformerMAFLayer.init([[0, 1], [2, 3]], 4, 1, 2, rng=rng())


def shared() -> Any:
    return mg.diffusion.with_covariance(ddpm(), hidden=4, blocks=1, rng=rng())


def ideal() -> Any:
    return mg.diffusion.IdealNoise.init(schedule(), [[0.0, 1.0]], 0.5)


def clock() -> Any:
    return mg.diffusion.Clock.init(schedule(), 4)


def unet() -> Any:
    return mg.diffusion.UNet.init((4, 4, 1), T=4, hidden=4, blocks=1, scales=2, groups=2, rng=rng())


GOOD: dict[str, Any] = {  # by the name of the parameter, which means the same everywhere
    "x": X,
    "x0": X[:3],
    "xt": X[:3],
    "eps": X[:3],
    "z": X,
    "e": X,
    "y": X,
    "L": np.eye(2),
    "features": 2,
    "hidden": 4,
    "rng": rng,
    "T": 4,
    "schedule": schedule,
    "n": 3,
    "n_in": 2,
    "n_out": 2,
    "dtype": np.float64,
    "net": coupling_net,
    "layers": 2,
    "layer": layer,
    "labels": LABELS,
    "label": LABELS[:3] % 2,
    "name": "moons",
    "flow": flow,
    "model": flow,
    "loss": lambda: flow().nll,
    "data": X,
    "classes": 2,
    "levels": 4,
    "states": 3,
    "length": 5,
    "dims": 2,
    "k": 2,
    "made": autoregressive,
    "f": lambda: np.tanh,
    "target": lambda: mg.flows.energy("ring"),
    "density": flow,
    "base": lambda: mg.prob.StandardNormal(2),
    "order": np.arange(2),
    "d": 1,
    "scale": np.ones(2),
    "shift": np.zeros(2),
    "spline": spline,
    "t": TIMES,
    "reverse": reverse,
    "times": lambda: mg.diffusion.Uniform(4),
    "W": np.eye(2),
    "b": np.zeros(2),
    "s": np.zeros(2),
    "run": run,
    "node": layer,
    "means": np.eye(2),
    "mean": np.zeros(2),
    "channels": 4,
    "groups": 2,
    "blocks": 1,
    "Sigma": np.eye(2),
    "mu": np.zeros(2),
    "steps": 2,
    "elbo": elbo,
    "triplet": mg.metric.TripletLoss,
    "path": array_file,
    "solve": lambda: mg.flows.MAFLayer(autoregressive()).solve,
    "kind": "v",
}
IMAGES: dict[str, Any] = {
    "flows.ConvNet": lambda: parts_of(convolutions()),
    "flows.ConvNet.init": {"shape": SHAPE, "mask": lambda: mg.flows.channelwise(SHAPE)},
    "flows.ContextShift": {"W": np.ones((3, 2))},
    "flows.ContextShift.init_from": {"context": np.eye(3)[LABELS]},
    "flows.OnColumns": {"f": mg.flows.Exp, "columns": (1,)},
    "flows.FactorOut": {"rest": lambda: mg.flows.ActNorm.init(2), "channels": 2},
    "flows.Picture": {"shape": SHAPE},
    "flows.PictureCoupling": lambda: parts_of(
        mg.flows.PictureCoupling.init(
            SHAPE, mg.flows.channelwise(SHAPE), 4, blocks=1, groups=2, rng=rng()
        )
    ),
    "flows.PictureCoupling.init": {"shape": SHAPE, "mask": lambda: mg.flows.channelwise(SHAPE)},
    "flows.channelwise": {"shape": SHAPE},
    "flows.checkerboard": {"shape": SHAPE},
    "flows.CausalTransformer": lambda: (
        parts_of(transformer().net) | {"place": transformer().net.place}
    ),
    "flows.CausalTransformer.init": {"length": 4, "width": 2},
    "flows.MADECategorical": lambda: {"made": mg.flows.MADE.init(2, 4, 4, inputs=4, rng=rng())},
    "flows.MADECategorical.bits_per_dim": {"x": np.ones((3, 2), int)},
    "flows.MADECategorical.log_prob": {"x": np.ones((3, 2), int)},
    "flows.TransformerMAFLayer": lambda: {"net": transformer().net, "order": transformer().order},
    "flows.TransformerMAFLayer.init": {"order": np.arange(4).reshape(2, 2), "heads": 2},
    "flows.classify": {"density": conditional, "prior": [1.0]},
    "flows.distil": {"student": flow, "teacher": flow},
    "flows.kl_samples": {"student": flow, "teacher": flow},
    "flows.student": {"teacher": flow, "layers": 1},
    "flows.patches": {"shape": SHAPE, "patch": 2},
    "flows.transformer_maf": {"shape": (2, 2, 1), "layers": 1, "heads": 2, "patch": 1},
    "flows.real_nvp_image": {"shape": SHAPE, "scales": 1, "couplings": 1},
    "diffusion.UNet": lambda: parts_of(unet()),
    "diffusion.UNet.init": {"shape": (4, 4, 1), "hidden": 4, "scales": 2, "groups": 2},
    "diffusion.FlowMatchingLoss": {"model": ddpm},
    "data.Twonorm.log_prob": {"x": np.zeros((3, 20))},
    "diffusion.Clock": {"a": np.zeros(4), "begin": -1.0, "end": 1.0},
    "diffusion.ClockLoss": {"clock": clock, "model": ddpm},
    "diffusion.IntegralBound": {"clock": clock, "model": ddpm},
    "diffusion.CovarianceMatchingLoss": {"model": shared},
    "diffusion.NoiseAndShare": lambda: parts_of(shared().reverse.net),
    "diffusion.nats_lost": {"ideal": ideal, "samples": 20},
    "diffusion.noise_covariance": {"ideal": ideal},
    "diffusion.with_covariance": {"model": ddpm},
    "diffusion.Schedule.time": {"ratio": 0.5},
}
CALLS: dict[str, Any] = (
    IMAGES
    | {  # what differs for one function or class
        "mg.fit": {"steps": 2, "batch": 4, "progress": False, "loss": lambda: fresh().nll},
        "mg.load": {"path": model_file},
        "mg.save": {"path": lambda: folder() / "saved.npz"},
        "check.adjoint": {"inputs": X[:3]},
        "check.gradients": {"inputs": X[:3]},
        "check.contract": {"inputs": X[:3]},
        "check.bijection": {"layer": lambda: flow().chain},
        "check.vjp": {
            "forward": lambda: np.tanh,
            "backward": lambda: lambda dy, x: dy / np.cosh(x) ** 2,
            "inputs": X[:3],
        },
        "check.derivative": {"df": lambda: lambda x: 1 / np.cosh(x) ** 2},
        "check.density": {
            "features": 1,
            "log_prob": lambda: lambda x: -(x[:, 0] ** 2) / 2 - np.log(2 * np.pi) / 2,
        },
        "check.equal": {"a": X, "b": X},
        "core.flatten": {"tree": lambda: layer().params},
        "core.Inverse": {"f": lambda: flow().chain},
        "core.Layer()": {"make": layer},
        "core.Density()": {"make": flow},
        "data.Toy()": {"make": lambda: mg.data.toy("moons")},
        "data.Split": {"y": LABELS},
        "data.baselines": {"data": mg.data.digits},
        "data.pictures": {"path": lambda: pictures_file()},
        "data.read_labels": {"path": lambda: labels_file()},
        "data.split": {"fractions": (0.5, 0.5)},
        "data.Text": {"symbols": "ab", "sequences": (np.array([0, 1]),) * 6},
        "data.Text.encode": {"string": "ab"},
        "data.Text.decode": {"numbers": [0, 1]},
        "data.bits_per_dim": {"nll": 1.0},
        "derivations.as_maf": {"chain": lambda: chain_of("vectors")},
        "derivations.run": {"ids": ["NVP-4"]},
        "derivations.show": {"id": "NVP-4"},
        "derivations.entry": {"id": "MINE-1"},
        "derivations.museum.visit": {"name": "half_noise"},
        "diffusion.DDPM": {"classes": 2},
        "diffusion.DDPM.elbo": {"x": X, "label": LABELS % 2},
        "flows.Calibration": {"u": np.full((4, 2), 0.5), "columns": (0, 1)},
        "diffusion.DDPM.decode": {"z": X[:2], "label": LABELS[:2] % 2},
        "diffusion.DDPM.encode": {"x": X[:2], "label": LABELS[:2] % 2},
        "diffusion.DDPM.interpolate": {"a": X[0], "b": X[1], "count": 3, "label": 1},
        "diffusion.DDPM.log_prob_ode": {"x": X[:2], "label": LABELS[:2] % 2},
        "diffusion.DDPM.sample": {"label": LABELS[:3] % 2},
        "diffusion.DDPM.states": {"label": LABELS[:3] % 2},
        "diffusion.BoundLoss": {"model": ddpm},
        "diffusion.SimpleLoss": {"model": ddpm},
        "diffusion.HybridLoss": {"model": ddpm},
        "diffusion.Convert": {"given": "eps", "wanted": "x0"},
        "diffusion.GuidedNet": {"scale": 2.0},
        "diffusion.IdealNoise": {
            "logw": np.zeros(1),
            "means": np.zeros((1, 2)),
            "vectors": np.eye(2)[None],
            "values": np.ones((1, 2)),
        },
        "diffusion.IdealNoise.init": {"covariances": 0.5},
        "diffusion.Importance": {"p": np.full(4, 0.25)},
        "diffusion.RespacedNet": {"times": np.array([0, 2, 4])},
        "diffusion.respaced": {"times": [2, 4]},
        "diffusion.ReverseProcess": {"predict": "v", "variance": "beta", "first": 0.1, "levels": 0},
        "diffusion.Schedule": lambda: parts_of(schedule()),
        "diffusion.Schedule.ratio": {},
        "diffusion.TimeNet": lambda: parts_of(ddpm().reverse.net),
        "diffusion.gaussian_bound": {"covariance": np.eye(2)},
        "diffusion.schedule_from_betas": {"betas": [0.1, 0.2]},
        "diffusion.ddpm": {"hidden": 4, "blocks": 1},
        "diffusion.IntegerTerm": {},
        "flows.Chain": {"layers": lambda: flow().chain.layers},
        "flows.Normalizer": {},
        "flows.MADE": lambda: parts_of(autoregressive()) | {"context": ...},
        "flows.MADEMoG": {"made": lambda: autoregressive(6)},
        "flows.InvertibleLinear": lambda: parts_of(mg.flows.InvertibleLinear.init(2, rng=rng())),
        "flows.InvertibleLinear.from_matrix": {"W": np.eye(2) + 0.5},
        "flows.MaskedLinear": lambda: parts_of(autoregressive().layers[0]),
        "flows.MaskedLinear.init": {"below": np.array([1, 2]), "above": np.array([1, 1, 2])},
        "flows.Preprocess": {
            "maps": lambda: mg.flows.Chain((mg.flows.Exp(),)),
            "like": np.zeros(0),
        },
        "flows.Preprocess.of": {"maps": mg.flows.Exp},
        "flows.SplineCoupling": {"net": lambda: mg.nn.mlp(1, 4, 5, rng=rng())},
        "flows.SplineMAFLayer": {"made": lambda: autoregressive(5)},
        "flows.energy": {"name": "ring"},
        "flows.log_normalizer": {"n": 20},
        "flows.Flow.bits_per_dim": {"x": np.ones((3, 2), int)},
        "flows.Flow": {"chain": lambda: flow().chain},
        "flows.Flow.bits_per_dim()": {"make": pixels},
        "flows.ActNorm": {"t": np.zeros(2)},
        "flows.BatchNorm": {"t": np.zeros(2)},
        "flows.MAFLayer": {},
        "flows.Whiten": {},
        "flows.ColumnSplines": {"r": np.zeros((2, 23))},
        "flows.EachPixel": {"f": lambda: mg.flows.ActNorm.init(2)},
        "homework.check": {"path": lambda: folder() / "missing.py"},
        "markov.CategoricalChain": {"start": np.zeros(3), "logits": np.zeros((3, 3))},
        "markov.CategoricalChain.log_prob": {"y": SYMBOLS},
        "markov.CategoricalChain.of": {"start": PROBABILITIES[0], "P": PROBABILITIES},
        "markov.GaussianChain": {
            "A": np.eye(2),
            "noise": lambda: mg.prob.Gaussian.init(2),
            "start": lambda: mg.prob.Gaussian.init(2),
        },
        "markov.GaussianChain.log_prob": {"x": VECTORS},
        "markov.GaussianChain.of": {"A": 0.5 * np.eye(2), "Q": np.eye(2), "b": np.zeros(2)},
        "markov.fit_categorical": {"y": SYMBOLS},
        "markov.fit_unigram": {"y": SYMBOLS},
        "markov.fit_gaussian": {"x": VECTORS},
        "markov.perplexity": {"chain": lambda: chain_of("symbols"), "sequences": SYMBOLS},
        "markov.padded": {"x": VECTORS},
        "markov.SequenceNLL": {"chain": lambda: chain_of("symbols")},
        "metric.PCA": {"V": np.eye(2)},
        "metric.MinedTripletLoss": {"criterion": mg.metric.BatchAll, "net": layer},
        "metric.RandomAffine": {"side": 4},
        "metric.collapse": {"run": lambda: embedding_run(), "loss": net, "window": 1},
        "metric.embedding": {"hidden": (4,)},
        "metric.Balanced": {"per_class": 2},
        "nn.Conv2d": lambda: parts_of(mg.nn.Conv2d.init(2, 2, rng=rng())),
        "nn.ConvBlock": lambda: parts_of(mg.nn.ConvBlock.init(4, 4, groups=2, rng=rng())),
        "nn.GroupNorm": {"scale": np.ones(4), "shift": np.zeros(4)},
        "nn.ResidualBlock": {"linear": layer},
        "nn.ConvBlock.init": {"n_in": 4, "n_out": 4},
        "nn.SelfAttention": lambda: parts_of(mg.nn.SelfAttention.init(4, rng=rng())),
        "nn.TransformerBlock": lambda: parts_of(mg.nn.TransformerBlock.init(4, rng=rng())),
        "nn.Sequential": {"layers": lambda: (layer(),)},
        "nn.TimeEmbedding": lambda: parts_of(mg.nn.TimeEmbedding.init(4, 4, 4, rng=rng())),
        "nn.TimeEmbedding.init": {"n": 4},
        "nn.Linear": {"W": np.eye(2), "b": np.zeros(2)},
        "plot.Animation": {"frames": lambda: [mg.plot.samples(X), mg.plot.samples(X)]},
        "plot.diagram": {"nodes": {"x": (0, 0), "y": (1, 0)}, "arrows": [("x", "y")]},
        "plot.matrices": {"named": {"identity": np.eye(2)}},
        "plot.units": {"masks": [np.eye(2), np.eye(2)]},
        "plot.density": {"model": lambda: mg.prob.Gaussian.init(2)},
        "plot.bench": {
            "rows": [
                {
                    "workload": "MAF",
                    "name": "minigen",
                    "ratio": 2.0,
                    "ratio_low": 1.9,
                    "ratio_high": 2.2,
                }
            ]
        },
        "plot.cost": {"table": LINES},
        "plot.lines": {"table": LINES},
        "plot.elbo_terms": {"L": np.arange(1.0, 6.0)},
        "plot.embedding": {"points": X, "images": PICTURES},
        "plot.filmstrip": {"frames": [X, X]},
        "plot.images": {"x": PICTURES},
        "plot.gallery": {
            "pairs": lambda: {"moons": (mg.prob.Gaussian.init(2), mg.data.toy("moons"))}
        },
        "plot.masks": {"masks": [np.eye(2), np.eye(2)]},
        "plot.neighbours": {"query": PICTURES[:2], "found": np.stack([PICTURES[:3], PICTURES[:3]])},
        "plot.transition": {"matrix": PROBABILITIES},
        "plot.samples": {},
        "plot.warp": {"steps": 2},
        "prob.Gaussian": {"a": np.zeros(2), "lower": np.zeros((2, 2))},
        "prob.Mixture": {"logits": np.zeros(1), "components": lambda: (mg.prob.Gaussian.init(2),)},
        "prob.dequantize": {"x": np.ones((3, 2), int)},
        "prob.Mixture.of_gaussians": {"scale": 1.0},
        "training.SGD": {},
        "core.logsumexp": {"axis": -1},
        "core.perturbed": {"spread": 0.1},
    }
)
RESULT = "a record of results, which functions make and users read"
SKIPPED: dict[str, str] = {
    **dict.fromkeys(
        [
            "audit.Cell",
            "bench.Workload",
            "check.Diagnosis",
            "check.Kind",
            "check.Report",
            "check.Row",
            "check.State",
            "data.Digits",
            "data.Pictures",
            "data.PaperTable",
            "derivations.Entry",
            "derivations.NotEvaluable",
            "derivations.Result",
            "derivations.Row",
            "derivations.museum.Exhibit",
            "derivations.museum.Finding",
            "diffusion.Elbo",
            "flows.Normalizer",
            "homework.Mark",
            "homework.Milestone",
            "homework.Report",
            "homework.Status",
            "metric.CollapseReport",
            "training.Run",
            "training.CheckpointError",
            "core.InvalidInput",
            "core.InvalidType",
            "core.InvalidValue",
            "core.NoInverseGradient",
            "training.NotFinite",
            "homework.Refused",
            "homework.wall.Refused",
            "homework.wall.Lost",
        ],
        RESULT,
    ),
    **dict.fromkeys(["core.Cache", "core.Grads", "data.Sampler"], "a type, for annotations alone"),
    **dict.fromkeys(
        ["core.const", "core.exact", "core.param"], "marks a field; any default is right"
    ),
    **dict.fromkeys(
        ["core.Layer", "core.Density", "core.Bijection", "core.Loss"], "a class to derive from"
    ),
    **dict.fromkeys(
        [
            "bench.measure",
            "bench.measured",
            "bench.machine",
            "bench.described",
            "bench.summary",
            "bench.table",
            "bench.warnings",
        ],
        "measures for seconds, or takes what was measured; its table is its own",
    ),
    **dict.fromkeys(
        [
            "homework.wall",
            "homework.grade",
            "homework.bundle",
            "homework.start",
            "homework.check",
            "homework.exam",
        ],
        "starts processes or writes folders: tests/test_grader*.py",
    ),
    **dict.fromkeys(
        ["flows.d_passes", "flows.jacobi", "flows.incremental", "flows.incremental_backward"],
        "a loop inside a layer's forward, public to be read",
    ),
    **dict.fromkeys(
        [
            "derivations.log_bayes",
            "derivations.mean_forms",
            "derivations.quadratic",
            "derivations.variance_forms",
        ],
        "formulas inside derivations, public to be read",
    ),
    **dict.fromkeys(
        ["audit.ask", "audit.reproduction", "audit.Subject", "audit.TorchLayer", "audit.JaxLayer"],
        "runs the lines of a model, or needs its library: tests/test_audit.py",
    ),
    "data.paper_table": "reads tables that are not in the package",
    "data.read_keel": "reads the .dat files of KEEL: tests/test_data_*.py",
    "derivations.entry": "a decorator: user_entries checks what it is given",
    "derivations.run": "runs for seconds: tests/test_derivations.py",
    "derivations.show": "as run",
    "derivations.Notes": "made by user_entries and read: tests/test_derivations.py",
    "derivations.read": "runs files: tests/test_derivations.py",
    **dict.fromkeys(
        ["homework.layers", "homework.milestone"],
        "run a student's file: tests/test_homework_milestones.py",
    ),
    "homework.solution": "reads the repository's own files",
    "plot.Picture": "made by the functions of plot",
}
TEXT_IS_A_LIST = "a text is a list of letters"
SEQUENCES = "sequences of unequal lengths"
FUNCTION = "a class is a function, too, and its error is its own"
ACCEPTED: dict[tuple[str, str], str] = {
    ("data.Table", "columns"): TEXT_IS_A_LIST,
    ("data.Table", "classes"): TEXT_IS_A_LIST,
    ("markov.padded", "x"): SEQUENCES,
    ("markov.fit_unigram", "y"): SEQUENCES,
    ("markov.fit_categorical", "y"): SEQUENCES,
    ("plot.images", "labels"): "words of any shape",
    ("flows.Flow", "levels"): "one number, or one for each column",
    ("derivations.Counted", "net"): "counts the calls of whatever it is given",
}


def parts_of(made: Any) -> dict[str, Any]:
    """The fields of an object: right values for its constructor."""
    return {f.name: functools.partial(getattr, made, f.name) for f in dataclasses.fields(made)}


def pictures_file() -> Path:
    path = folder() / "pictures.npy"
    np.save(path, np.zeros((3, 4, 4), np.uint8))
    return path


def labels_file() -> Path:
    path = folder() / "labels.npz"
    np.savez(path, x=X, y=LABELS)
    return path


@functools.cache
def embedding_run() -> Any:
    return mg.fit(
        net(),
        mg.metric.Balanced(X, LABELS, 2),
        validation=(X, LABELS),
        batch=6,
        steps=4,
        rng=rng(),
        progress=False,
    )


# ---------------------------------------------------------------- what is public


def public() -> dict[str, Any]:
    """{"flows.maf" or "flows.Flow.sample": the function}, every name once, and all methods."""
    found: dict[str, Any] = {}
    seen: set[int] = set()
    for module in _packages():
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if inspect.ismodule(thing) or id(thing) in seen:
                continue
            seen.add(id(thing))
            where = f"{module.__name__.removeprefix('minigen').lstrip('.') or 'mg'}.{name}"
            if inspect.isclass(thing):
                found[where] = thing
                found |= {f"{where}.{m}": None for m in _methods(thing)}
            elif callable(thing) and typing.get_origin(thing) is None:
                found[where] = thing
    return {name: thing for name, thing in found.items() if not _skipped(name)}


def _packages() -> Iterator[types.ModuleType]:
    yield mg
    for info in pkgutil.walk_packages(mg.__path__, "minigen."):
        if info.ispkg and not info.name.startswith("minigen.cli"):
            yield importlib.import_module(info.name)


def _methods(cls: type) -> list[str]:
    """Public methods that take an argument and are not called in every step."""
    names = []
    for name, thing in inspect.getmembers(cls):
        if name.startswith("_") or name in CONTRACT | INNER or not callable(thing):
            continue
        owner = next((c for c in cls.__mro__ if name in vars(c)), object)
        if not owner.__module__.startswith("minigen") or inspect.isclass(thing):
            continue
        if name == "astype" and cls.__name__ != "Layer":
            continue
        if [p for p in _parameters(thing) if p not in ("self", "cls")]:
            names.append(name)
    return names


def _parameters(thing: Any) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(thing).parameters
    except (TypeError, ValueError):
        return {}


def _skipped(name: str) -> bool:
    return any(name == key or name.startswith(f"{key}.") for key in SKIPPED)


# ---------------------------------------------------------------- one call


@dataclasses.dataclass
class Door:
    """One function: how to call it rightly, and the annotations of its parameters."""

    name: str
    function: Callable
    right: dict[str, Any]
    hints: dict[str, Any]
    star: str = ""

    def call(self, **changed: Any) -> Any:
        given = {k: made_of(v) for k, v in self.right.items()} | changed
        placed = [given.pop(n) for n in self._placed() if n in given]
        return self.function(*placed, **given)

    def _placed(self) -> list[str]:
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
        parameters = _parameters(self.function)
        if any(p.kind in kinds and n in self.right for n, p in parameters.items()):
            order = [n for n, p in parameters.items() if p.kind != p.KEYWORD_ONLY]
            return order
        return []


def made_of(value: Any) -> Any:
    """A right value; what is a function of the table makes one."""
    made = types.FunctionType | functools._lru_cache_wrapper | functools.partial
    if isinstance(value, made) and value is not identity:
        return value()
    return value() if isinstance(value, type) and issubclass(value, mg.core.Layer) else value


def door(name: str) -> Door:
    """The function of a name with right values for all it must be given."""
    path = name.split(".")
    thing: Any = mg
    for k, part in enumerate(path):
        if inspect.isclass(thing) and not isinstance(
            inspect.getattr_static(thing, part), classmethod | staticmethod
        ):
            thing = instance(".".join(path[:k]))
        thing = getattr(thing, part) if part != "mg" else mg
    line = CALLS.get(name, {})
    right = dict(line() if callable(line) else line)
    right = {key: value for key, value in right.items() if value is not ...}
    for key, p in _parameters(thing).items():
        empty = p.default is inspect.Parameter.empty
        if key in right or not empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        if key not in GOOD:
            raise KeyError(
                f"no right value for the parameter {key!r} of mg.{name}: add it to GOOD, or to "
                f"CALLS[{name!r}], in tests/arguments.py"
            )
        right[key] = GOOD[key]
    return Door(name, thing, right, hints(thing))


def instance(name: str) -> Any:
    """An object of a public class, made by its line: "of" there names another constructor."""
    line = CALLS.get(f"{name}()") or next((v for k, v in CALLS.items() if k == f"{name}()"), None)
    return made_of(line["make"]) if line else door(name).call()


def hints(thing: Any) -> dict[str, Any]:
    """The annotations, as far as they can be looked up."""
    target = thing.__init__ if inspect.isclass(thing) else thing
    target = inspect.unwrap(getattr(target, "__func__", target))
    try:
        found = typing.get_type_hints(target, include_extras=True)
    except (NameError, TypeError):
        found = dict(getattr(target, "__annotations__", {}))
    if inspect.isclass(thing) and dataclasses.is_dataclass(thing):
        with contextlib.suppress(NameError, TypeError):
            found |= typing.get_type_hints(thing, include_extras=True)
    return found


# ---------------------------------------------------------------- wrong values

HUGE = 10**18
TEXT = "no such value"


def wrong(hint: Any, right: Any, default: Any) -> Iterator[tuple[str, Any, bool]]:
    """(what, value, whether it must be refused) for one parameter."""
    text = str(hint)
    optional = "None" in text or default is None
    if not optional:
        yield "None", None, hint is not inspect.Parameter.empty and hint is not Any
    kinds = _kinds(hint, right)
    if "array" in kinds:
        yield from _arrays(made_of(right) if right is not None else X)
    if "int" in kinds:
        low = _low(hint)
        yield from [
            ("text", "a", True),
            ("2.5", 2.5, True),
            ("nan", np.nan, True),
            ("inf", np.inf, True),
            ("True", True, True),
            ("list", [1], "Sequence" not in text),
            ("array", np.ones(2, int), "Sequence" not in text),
            ("complex", 1j, True),
            ("object", object(), True),
            ("dict", {}, "mapping" not in kinds),
        ]
        yield "huge", HUGE, False
        yield "negative", -1, low is not None and low >= 0
        yield "far negative", -HUGE, low is not None
        yield "zero", 0, low is not None and low >= 1
    if "float" in kinds:
        low = _low(hint)
        yield from [
            ("text", "a", "str" not in kinds),
            ("nan", np.nan, True),
            ("True", True, True),
            ("list", [0.5], True),
            ("array", np.ones(2), True),
            ("complex", 1j, True),
            ("object", object(), True),
            ("inf", np.inf, True),
            ("-inf", -np.inf, True),
            ("dict", {}, True),
            ("class", float, True),
        ]
        yield from [("huge", 1e300, False), ("10^400", 10**400, True), ("tiny", 1e-300, False)]
        yield "negative", -1.0, low is not None
        yield "zero", 0.0, False
    if "str" in kinds and "array" not in kinds:
        yield from [
            ("number", 3, "int" not in kinds and "float" not in kinds),
            ("bytes", b"a", True),
            ("list", ["a"], True),
            ("unknown", TEXT, False),
            ("empty", "", False),
            ("object", object(), True),
            ("nan", np.nan, True),
            ("array", np.zeros(2), True),
        ]
    if "bool" in kinds and kinds == {"bool"}:
        yield from [
            ("text", "yes", True),
            ("2", 2, True),
            ("list", [], True),
            ("nan", np.nan, True),
            ("object", object(), True),
            ("array", np.ones(2), True),
        ]
    if "rng" in kinds:
        yield from [
            ("seed", 0, True),
            ("module", np.random, True),
            ("text", "rng", True),
            ("RandomState", np.random.RandomState(0), True),
            ("maker", np.random.default_rng, True),
            ("bits", np.random.PCG64(0), True),
        ]
    if "dtype" in kinds:
        yield from [
            ("int", int, True),
            ("float16", np.float16, True),
            ("complex", complex, True),
            ("object", object, True),
            ("text", TEXT, True),
            ("number", 3, True),
            ("bool", bool, True),
            ("array", np.zeros(2), True),
            ("str", str, True),
        ]
    if "path" in kinds:
        yield from [
            ("number", 3, True),
            ("missing", folder() / "no" / "such.npz", False),
            ("empty", "", False),
            ("list", ["a"], True),
            ("object", object(), True),
            ("folder", folder(), False),
            ("array", np.zeros(2), True),
            ("nul", "a\0b", False),
        ]
    if "callable" in kinds:
        yield from [
            ("number", 3, True),
            ("text", TEXT, "str" not in kinds),
            ("list", [], True),
            ("array", np.zeros(2), True),
        ]
    if "object" in kinds:
        yield from [
            ("number", 3, True),
            ("text", TEXT, True),
            ("object", object(), True),
            ("list", [1], True),
            ("array", np.zeros(2), True),
            ("dict", {}, True),
            ("class", type(made_of(right)), right is not None),
        ]
    if "sequence" in kinds:
        yield from [
            ("number", 3, "int" not in kinds),
            ("text", TEXT, True),
            ("object", object(), True),
            ("of None", [None], True),
            ("of objects", [object()], True),
            ("dict", {"a": 1}, False),
            ("empty", (), False),
            ("nan", np.nan, True),
            ("function", identity, True),
        ]
    if "mapping" in kinds:
        yield from [
            ("number", 3, "int" not in kinds),
            ("text", TEXT, True),
            ("list", [1], True),
            ("empty", {}, False),
            ("of None", {"a": None}, False),
            ("wrong keys", {1: 2}, False),
        ]


def _arrays(right: Any) -> Iterator[tuple[str, Any, bool]]:
    """Wrong arrays for one that is right."""
    yield from [
        ("text", TEXT, True),
        ("object", object(), True),
        ("dict", {"a": 1}, True),
        ("ragged", [[1.0, 2.0], [3.0]], True),
        ("function", identity, True),
        ("None in it", [[None, 1.0]], True),
        ("text in it", [["a", "b"]], True),
        ("number", 3.5, False),
        ("0-d", np.array(1.5), False),
        ("empty", [], False),
        ("empty (0, 0)", np.zeros((0, 0)), False),
        ("4-d", np.zeros((2, 2, 2, 2)), False),
        ("5 columns", np.zeros((3, 5)), False),
        ("1-d", np.zeros(7), False),
    ]
    try:
        a = np.asarray(right)
    except ValueError:
        return
    if a.dtype.kind not in "iufb" or not a.size:
        return
    f = a.astype(float)
    first = (0,) * a.ndim
    for name, value in [("nan", np.nan), ("inf", np.inf), ("-inf", -np.inf)]:
        bad = f.copy()
        bad[first] = value
        yield name, bad, name == "nan"
    for name, value in [("huge", 1e300), ("negative", -1.0), ("half", 0.5), ("9999", 9999.0)]:
        bad = f.copy()
        bad[first] = value
        yield name, bad, False
    yield "complex", f + 1j, False
    yield "dates", np.full(a.shape, "2020-01-01", "M8[D]"), True
    yield "objects", np.full(a.shape, None, object), True
    yield "structured", np.zeros(a.shape, [("a", "f8")]), True
    if a.ndim:
        yield "one row", f[:1], False
        yield "no rows", f[:0], False
        yield "one more axis", f[..., None], False
        yield "longer", np.concatenate([f, f]), False
        yield "shorter", f[:-1], False
    if a.ndim > 1:
        yield "one column less", f[..., :-1], False
        yield "one column more", np.concatenate([f, f[..., :1]], axis=-1), False
        yield "turned", np.swapaxes(f, 0, 1), False


def _kinds(hint: Any, right: Any) -> set[str]:
    """The kinds of value an annotation speaks of; for Any, that of the right value."""
    if hint in (Any, inspect.Parameter.empty) or isinstance(hint, str | typing.TypeVar):
        value = made_of(right)
        if isinstance(value, np.ndarray | list | tuple | float | int) and not isinstance(
            value, bool
        ):
            return {"array"}
        return set() if value is None else {"object"}
    if hint == DTypeLike:
        return {"dtype"}
    if hint == ArrayLike:
        return {"array"}
    hint = signature.meaning(hint)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _kinds(args[0], right)
    if origin is typing.Literal:
        return {"str"}
    if origin in (typing.Union, types.UnionType):
        whole = set(typing.get_args(ArrayLike) or (ArrayLike,))
        if whole <= set(args):
            return {"array"}
        parts = [a for a in args if a is not types.NoneType]
        return set().union(*(_kinds(a, right) for a in parts))
    if origin is np.ndarray or hint is np.ndarray:
        return {"array"}
    if Callable in (hint, origin):
        return {"callable"}
    plain = {
        int: "int",
        float: "float",
        str: "str",
        bool: "bool",
        bytes: "str",
        np.random.Generator: "rng",
    }
    if hint in plain:
        return {plain[hint]}
    name = getattr(origin or hint, "__name__", "")
    if name in ("PathLike", "Path"):
        return {"path"}
    if (origin or hint) in (tuple, list, Sequence, Iterable, typing.Sequence) or name in (
        "Collection",
        "Sequence",
        "Iterable",
    ):
        return {"sequence"}
    if name in ("dict", "Mapping"):
        return {"mapping"}
    return {"object"}


def _low(hint: Any) -> float | None:
    for part in [hint, *typing.get_args(hint)]:
        for item in getattr(part, "__metadata__", ()):
            if isinstance(item, signature.Range):
                return item.low
    return None


# ---------------------------------------------------------------- judgement


class Hang(BaseException):
    """A call that took longer than SECONDS."""


@dataclasses.dataclass(frozen=True)
class Answer:
    name: str
    parameter: str
    what: str
    kind: str  # refused, valid, raw, nan, accepted, hang, unnamed
    text: str = ""

    def __str__(self) -> str:
        return f"{self.kind:9s} mg.{self.name}({self.parameter}={self.what}): {self.text}"


def ask(d: Door, parameter: str, what: str, value: Any, must: bool) -> Answer:
    """One call with one wrong value."""
    try:
        with quiet(), limit():
            out = d.call(**{parameter: value})
            if isinstance(out, Iterator):
                out = [item for item, _ in zip(out, range(3), strict=False)]
    except Hang:
        return Answer(d.name, parameter, what, "hang")
    except InvalidInput as error:
        message = str(error)
        names = [
            *_parameters(d.function),
            *ALSO.get(d.name, ()),
            *map(str, [value] * _is_path(value)),
        ]
        named = any(re.match(rf"{re.escape(n)}\b|.*\b{re.escape(n)}\b", message) for n in names)
        file = _is_path(value) and str(value) in message
        named = file or (named and "expected" in message and "got" in message)
        return Answer(d.name, parameter, what, "refused" if named else "unnamed", message)
    except OSError as error:  # a file that cannot be opened: the system's own error names it
        named = isinstance(value, str | Path) and str(value) in str(error)
        return Answer(d.name, parameter, what, "refused" if named else "raw", repr(error)[:100])
    except Exception as error:
        if type(error).__name__ in DOCUMENTED.get(d.name, ()):
            return Answer(d.name, parameter, what, "valid")
        text = f"{type(error).__name__}: {str(error)[:100]}"
        return Answer(d.name, parameter, what, "raw", text)
    finally:
        _close_figures()
    if has_nan(out) and d.name not in NAN_STAYS:
        return Answer(d.name, parameter, what, "nan", type(out).__name__)
    if what == "nan" and d.name in NAN_STAYS:
        return Answer(d.name, parameter, what, "valid")
    if must and (d.name, parameter) not in ACCEPTED and ("*", parameter) not in ACCEPTED:
        return Answer(d.name, parameter, what, "accepted", type(out).__name__)
    return Answer(d.name, parameter, what, "valid")


DOCUMENTED: dict[str, tuple[str, ...]] = {  # errors of other kinds that are right
    "mg.fit": ("NotFinite",),  # a rate of 1e300 diverges, and says where
    "check.gradients": ("ValueError",),  # what the layer's own backward raises is shown as it is
    "check.adjoint": ("ValueError",),
}  # errors that a docstring promises for strange numbers
ELEMENTWISE = "NaN in, NaN out: an elementwise function of layers"
NAN_STAYS: dict[str, str] = {
    **dict.fromkeys(
        ["core.absolute", "core.logsumexp", "core.sigmoid", "core.softplus", "prob.log_ndtr"],
        ELEMENTWISE,
    ),
    "check.equal": "a report of what is not equal holds the difference",
}
INPUTS = ("x", "z", "input")  # a check names the inputs of the layer
ALSO: dict[str, tuple[str, ...]] = {  # what else a message may call an argument
    **dict.fromkeys(
        ["check.adjoint", "check.contract", "check.gradients", "check.bijection"], INPUTS
    ),
    "mg.fit": ("x",),
    "flows.ContextShift.init_from": ("W",),
    "flows.ActNorm.init_from": ("s",),  # numbers whose spread overflows
    "flows.BatchNorm.freeze": ("s",),
    "flows.Whiten.init_from": ("L",),
    "flows.ColumnSplines.init_from": ("r",),
    "markov.fit_gaussian": ("Sigma",),
    "markov.perplexity": ("y",),
    "prob.Mixture.of_gaussians": ("mu",),
    "nn.SelfAttention.init": ("n_in",),
    "data.table": ("column",),
}


def _is_path(value: Any) -> bool:
    return isinstance(value, str | Path) and str(value) != ""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        with contextlib.redirect_stderr(io.StringIO()), np.errstate(all="ignore"):
            yield


@contextlib.contextmanager
def limit() -> Iterator[None]:
    """Hang after SECONDS, where the system has an alarm and this is the main thread."""
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(*_: Any) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    faulthandler.dump_traceback_later(10 * SECONDS, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _close_figures() -> None:
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def has_nan(value: Any, depth: int = 0) -> bool:
    """Whether a result holds NaN, in arrays, tuples, dicts and the fields of dataclasses."""
    if depth > 4:
        return False
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fc" and bool(np.isnan(value).any())
    if isinstance(value, float | complex | np.floating):
        return bool(np.isnan(value))
    if isinstance(value, tuple | list):
        return any(has_nan(v, depth + 1) for v in value)
    if isinstance(value, dict):
        return any(has_nan(v, depth + 1) for v in value.values())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return any(has_nan(getattr(value, f.name, None), depth + 1) for f in fields)
    return False


def answers(name: str) -> Iterator[Answer]:
    """Every wrong value of every parameter of one function."""
    d = door(name)
    with quiet():
        d.call()  # the right values are right; what is slow once is done
    for parameter, p in _parameters(d.function).items():
        if p.kind == p.VAR_KEYWORD or parameter in ("self", "cls"):
            continue
        if p.kind == p.VAR_POSITIONAL and parameter not in d.right:
            continue
        default = p.default if p.default is not inspect.Parameter.empty else ...
        right = d.right.get(parameter, GOOD.get(parameter, default if default is not ... else None))
        hint = d.hints.get(parameter, inspect.Parameter.empty)
        for what, value, must in wrong(hint, right, default):
            yield ask(d, parameter, what, value, bool(must))


def exists(name: str) -> bool:
    """Whether the package still has what an entry of the table is for."""
    thing: Any = mg
    for part in name.removeprefix("mg.").split("."):
        if not hasattr(thing, part):
            return False
        thing = getattr(thing, part)
    return True
