"""How near the truth flows come: minigen beside zuko, trained alike on the same batches.

    python benchmarks/quality_toys.py [--seeds 4] [--toys moons ...] [--models ...] [--json FILE]

KL(truth, model) in nats on 20,000 fresh points, means over the seeds with their standard errors.
Six layers, networks of (64, 64), 1500 steps of 256 fresh points, Adam at 3e-3 with a cosine decay,
no weight decay, no average, no early stop: the last parameters count. Both packages see the same
batches, standardised by the same fixed map, and everything else is each package's own default.
"""

import argparse
import importlib.util
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import minigen as mg
from minigen.core import text
from minigen.training import Adam
from minigen.training.loop import Descent, factor_of

LAYERS, HIDDEN, STEPS, BATCH, LR, TEST = 6, (64, 64), 1500, 256, 3e-3, 20_000
MODELS, ACTIVATIONS = ("real_nvp", "maf"), ("relu", "tanh")
COSINE = factor_of("cosine")
Trainer = Callable[[str, str, NDArray, int], Callable[[NDArray], NDArray]]


def minigen(model: str, activation: str, x: NDArray, seed: int) -> Callable[[NDArray], NDArray]:
    """log p of minigen's flow, trained on the batches x (steps, batch, 2)."""
    rng = np.random.default_rng(seed)
    flow = getattr(mg.flows, model)(2, LAYERS, HIDDEN, activation=activation, rng=rng)
    descent = Descent(flow.nll, Adam(LR))
    for step, batch in enumerate(x):
        descent.step(batch, rng, COSINE(step / len(x)))
    return flow.log_prob


def zuko(model: str, activation: str, x: NDArray, seed: int) -> Callable[[NDArray], NDArray]:
    """The same with zuko's flow; its NICE has affine couplings, so it is Real NVP."""
    import torch
    from zuko import flows

    torch.manual_seed(seed)
    unit = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[activation]
    kind = {"real_nvp": flows.NICE, "maf": flows.MAF}[model]
    flow = kind(2, transforms=LAYERS, hidden_features=HIDDEN, activation=unit)
    optimizer = torch.optim.Adam(flow.parameters(), LR)
    for step, batch in enumerate(torch.from_numpy(x)):
        for group in optimizer.param_groups:
            group["lr"] = LR * COSINE(step / len(x))
        optimizer.zero_grad()
        (-flow().log_prob(batch).mean()).backward()
        optimizer.step()

    @torch.inference_mode()
    def log_prob(x: NDArray) -> NDArray:
        return flow().log_prob(torch.from_numpy(x)).numpy()

    return log_prob


PACKAGES: dict[str, Trainer] = {"minigen": minigen, "zuko": zuko}


def divergence(train: Trainer, model: str, activation: str, toy: str, seed: int) -> float:
    """KL(truth, model) of one training; the points depend on the toy and the seed alone."""
    truth = mg.data.toy(toy)
    rng = np.random.default_rng([seed, zlib.crc32(toy.encode())])
    x = truth.sample(STEPS * BATCH, rng=rng)
    mean, std = x.mean(axis=0), x.std(axis=0)
    batches = ((x - mean) / std).astype(np.float32).reshape(STEPS, BATCH, 2)
    log_prob = train(model, activation, batches, seed)
    test = truth.sample(TEST, rng=rng)
    found = log_prob(((test - mean) / std).astype(np.float32)).astype(np.float64)
    return float((truth.log_prob(test) - found + np.log(std).sum()).mean())


def measured(args: argparse.Namespace) -> Iterable[dict[str, Any]]:
    """One record for each toy, model and activation: the KL of each package and seed."""
    for toy in args.toys:
        for model in args.models:
            for activation in args.activations:
                case = {"toy": toy, "model": model, "activation": activation}
                kls = {
                    name: [divergence(PACKAGES[name], seed=s, **case) for s in args.seeds]
                    for name in args.packages
                }
                print(f"{toy} {model} {activation} {kls}", file=sys.stderr, flush=True)
                yield case | kls


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
    args = parser.parse_args()
    records = list(measured(args))
    print(table(records, args.packages))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(records, file, indent=1)


if __name__ == "__main__":
    main()
