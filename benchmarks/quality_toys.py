"""How near the truth flows come: minigen beside zuko, trained alike on the same batches.

    python benchmarks/quality_toys.py [--seeds 0 1 ...] [--toys moons ...] [--models ...]
                                      [--json FILE] [--jobs N | --dask ADDRESS]

KL(truth, model) in nats on 20,000 fresh points, means over the seeds with their standard errors.
Six layers, networks of (64, 64), 1500 steps of 256 fresh points, Adam at 3e-3 with a cosine decay,
no weight decay, no average, no early stop: the last parameters count. Both packages see the same
batches, standardised by the same fixed map, and everything else is each package's own default.
"""

import argparse
import importlib.util
import itertools
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import minigen as mg
from minigen.cli import executors
from minigen.core import text
from minigen.training import Adam
from minigen.training.loop import Descent, factor_of

LAYERS, HIDDEN, STEPS, BATCH, LR, TEST = 6, (64, 64), 1500, 256, 3e-3, 20_000
MODELS, ACTIVATIONS = ("real_nvp", "maf"), ("relu", "tanh")
COSINE = factor_of("cosine")
# (model, activation, batches (S, steps, batch, 2), S seeds) -> log p of S trainings, (S, N)
Trainer = Callable[[str, str, NDArray, Sequence[int]], Callable[[NDArray], NDArray]]


def minigen(
    model: str, activation: str, batches: NDArray, seeds: Sequence[int]
) -> Callable[[NDArray], NDArray]:
    """minigen's flow, one training after the other."""
    flows = []
    for x, seed in zip(batches, seeds, strict=True):
        rng = np.random.default_rng(seed)
        flow = getattr(mg.flows, model)(2, LAYERS, HIDDEN, activation=activation, rng=rng)
        descent = Descent(flow.nll, Adam(LR))
        for step, batch in enumerate(x):
            descent.step(batch, rng, COSINE(step / len(x)))
        flows.append(flow)
    return lambda x: np.stack([flow.log_prob(part) for flow, part in zip(flows, x, strict=True)])


def zuko(
    model: str, activation: str, batches: NDArray, seeds: Sequence[int]
) -> Callable[[NDArray], NDArray]:
    """The same with zuko's flow; its NICE has affine couplings, so it is Real NVP.

    All seeds are trained side by side (`vmap`), which takes half as long: Adam works entry by
    entry, so that none sees another.
    """
    import torch
    from zuko import flows

    torch.distributions.Distribution.set_default_validate_args(False)
    unit = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[activation]
    kind = {"real_nvp": flows.NICE, "maf": flows.MAF}[model]

    class LogProb(torch.nn.Module):
        def __init__(self, seed: int) -> None:
            super().__init__()
            torch.manual_seed(seed)
            self.flow = kind(2, transforms=LAYERS, hidden_features=HIDDEN, activation=unit)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.flow().log_prob(x)

    each = [LogProb(seed) for seed in seeds]
    fixed = dict(each[0].named_buffers())  # masks and orders, the same for all
    stacked, _ = torch.func.stack_module_state(each)
    params = {name: p.detach().requires_grad_() for name, p in stacked.items()}
    optimizer = torch.optim.Adam(params.values(), LR, fused=True)
    log_prob = torch.func.vmap(
        lambda p, x: torch.func.functional_call(each[0], (p, fixed), (x,))
    )  # fmt: skip
    x = torch.from_numpy(batches)
    for step in range(x.shape[1]):
        for group in optimizer.param_groups:
            group["lr"] = LR * COSINE(step / x.shape[1])
        optimizer.zero_grad()
        (-log_prob(params, x[:, step]).mean(1).sum()).backward()
        optimizer.step()

    @torch.no_grad()
    def of(x: NDArray) -> NDArray:
        return log_prob(params, torch.from_numpy(x)).numpy()

    return of


PACKAGES: dict[str, Trainer] = {"minigen": minigen, "zuko": zuko}


def divergence(
    toy: str, model: str, activation: str, package: str, seeds: Sequence[int]
) -> list[float]:
    """KL(truth, model) of a training for each seed; the points depend on toy and seed alone."""
    truth = mg.data.toy(toy)
    batches, tests, scales = [], [], []
    for seed in seeds:
        rng = np.random.default_rng([seed, zlib.crc32(toy.encode())])
        x = truth.sample(STEPS * BATCH, rng=rng)
        mean, std = x.mean(axis=0), x.std(axis=0)
        batches.append(((x - mean) / std).astype(np.float32).reshape(STEPS, BATCH, 2))
        tests.append(truth.sample(TEST, rng=rng))
        scales.append((mean, std))
    log_prob = PACKAGES[package](model, activation, np.stack(batches), seeds)
    z = [(x - mean) / std for x, (mean, std) in zip(tests, scales, strict=True)]
    found = log_prob(np.stack(z).astype(np.float32)).astype(np.float64)
    return [
        float((truth.log_prob(x) - f + np.log(std).sum()).mean())
        for x, f, (_, std) in zip(tests, found, scales, strict=True)
    ]


def measured(args: argparse.Namespace) -> Iterable[dict[str, Any]]:
    """One record for each toy, model and activation: the KL of each package and seed."""
    cases = [*itertools.product(args.toys, args.models, args.activations)]
    each = [(*case, package, args.seeds) for case in cases for package in args.packages]
    found = executors.mapped(args, divergence, *zip(*each, strict=True))
    for case in cases:
        kls = dict(zip(args.packages, found, strict=False))  # as many as there are packages
        print(*case, kls, file=sys.stderr, flush=True)
        yield dict(zip(("toy", "model", "activation"), case, strict=True)) | kls


def table(records: Sequence[dict[str, Any]], packages: Sequence[str]) -> str:
    """Means and standard errors, a row for each record."""
    rows = []
    for r in records:
        cells = [f"{np.mean(r[p]):.4f} ± {error(r[p]):.4f}" for p in packages]
        rows.append([r["toy"], r["model"], r["activation"], *cells])
    return text.table(rows, ("toy", "model", "activation", *packages))


def error(values: Sequence[float]) -> float:
    """The standard error of their mean; nan of one."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    here = [name for name in PACKAGES if importlib.util.find_spec(name)]
    parser.add_argument("--packages", nargs="+", choices=PACKAGES, default=here)
    parser.add_argument("--toys", nargs="+", choices=mg.data.toys(), default=mg.data.toys())
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--activations", nargs="+", choices=ACTIVATIONS, default=ACTIVATIONS)
    parser.add_argument("--seeds", nargs="+", type=int, default=range(4))
    parser.add_argument("--json", metavar="FILE", help="where the figures of all seeds go")
    executors.options(parser)
    args = parser.parse_args()
    records = list(measured(args))
    print(table(records, args.packages))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(records, file, indent=1)


if __name__ == "__main__":
    main()
