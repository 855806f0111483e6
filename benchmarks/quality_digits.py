"""Test bits/dim of the digits, official split: minigen beside zuko, trained alike.

    python benchmarks/quality_digits.py [--models ...] [--seeds 0 1 2] [--json FILE]
                                        [--jobs N | --dask ADDRESS]

Both packages get the same sizes, the same number of steps on batches of 128 of the same 3400
pictures, dequantised afresh, through the same logit and standardisation, whose Jacobian is
counted; AdamW with a cosine decay, an average of the parameters, and of 40 checks on the 423
validation pictures the best is kept. Weight decay is each package's own best of DECAYS on the
validation pictures (`--decays`). The 1797 test pictures are measured once, at the end, with eight
draws of the noise. What is not said here is each package's own default.
"""

import argparse
import copy
import importlib.util
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import minigen as mg
from minigen.cli import executors
from minigen.core import text
from minigen.training.loop import factor_of

BATCH, EMA, CHECKS, DRAWS, LOW = 128, 0.99, 40, 8, 0.01
BITS = 64 * np.log(2)
COSINE = factor_of("cosine")


@dataclass(frozen=True)
class Setting:
    """Of one model, in both packages."""

    layers: int
    hidden: tuple[int, ...]
    activation: str
    steps: int
    lr: float
    decay: float


SETTINGS = {
    "real_nvp": Setting(12, (128, 128), "tanh", 2500, 2e-3, 1.0),
    "maf": Setting(5, (256, 256), "tanh", 2500, 2e-3, 1.0),
    "neural_spline": Setting(5, (128, 128), "relu", 2000, 1e-3, 1.0),
}
Trained = tuple[float, Callable[[NDArray], NDArray]]


class Pixels:
    """Integers as the flow's input z, with the log-det of the way there."""

    def __init__(self, train: NDArray) -> None:
        noise = np.random.default_rng(0).random(train.shape)
        self.logit = mg.flows.Logit(bins=17.0, low=LOW)
        z, _, _ = self.logit.forward(train + noise)
        self.affine = mg.flows.Affine.standardize(z)

    def draw(self, x: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        """(z (N, 64) float32, logdet (N,)) of x with fresh noise."""
        y, first, _ = self.logit.forward(x + rng.random(x.shape))
        z, second, _ = self.affine.forward(y)
        return z.astype(np.float32), first + second


def minigen(model: str, s: Setting, digits: mg.data.Digits, seed: int) -> Trained:
    """(validation bits, bits of each picture) of minigen's flow."""
    rng = np.random.default_rng(seed)
    flow = getattr(mg.flows, model)(
        64, s.layers, s.hidden, activation=s.activation, rng=rng, levels=17,
        before=(mg.flows.Logit(bins=17.0, low=LOW),), init_from=digits.train.x,
        **({"bins": 8} if model == "neural_spline" else {}),
    )  # fmt: skip
    run = mg.fit(
        flow.nll, digits.train.x, validation=digits.validation.x, rng=rng, steps=s.steps,
        batch=BATCH, lr=s.lr, weight_decay=s.decay, ema=EMA, validate_every=s.steps // CHECKS,
        progress=False,
    )  # fmt: skip
    return run.best / BITS, lambda x: flow.bits_per_dim(x, rng=rng, draws=DRAWS)


def zuko(model: str, s: Setting, digits: mg.data.Digits, seed: int) -> Trained:
    """The same of zuko's: NICE has affine couplings, so it is Real NVP."""
    import torch
    from zuko import flows

    torch.manual_seed(seed)
    rng, pixels = np.random.default_rng(seed), Pixels(digits.train.x)
    kind = {"real_nvp": flows.NICE, "maf": flows.MAF, "neural_spline": flows.NSF}[model]
    unit = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[s.activation]
    flow = kind(64, transforms=s.layers, hidden_features=s.hidden, activation=unit)
    average = copy.deepcopy(flow)
    optimizer = torch.optim.AdamW(flow.parameters(), s.lr, weight_decay=s.decay)

    @torch.inference_mode()
    def bits(x: NDArray, noise: np.random.Generator) -> NDArray:
        z, logdet = pixels.draw(x, noise)
        return -(average().log_prob(torch.from_numpy(z)).numpy() + logdet) / BITS

    best, kept, order = np.inf, average.state_dict(), np.empty(0, int)
    for step in range(s.steps):
        if len(order) < BATCH:
            order = rng.permutation(len(digits.train.x))
        rows, order = order[:BATCH], order[BATCH:]
        z, _ = pixels.draw(digits.train.x[rows], rng)
        for group in optimizer.param_groups:
            group["lr"] = s.lr * COSINE(step / s.steps)
        optimizer.zero_grad()
        (-flow().log_prob(torch.from_numpy(z)).mean()).backward()
        optimizer.step()
        decay = min(EMA, (2 + step) / (11 + step))
        with torch.no_grad():
            for mine, new in zip(average.parameters(), flow.parameters(), strict=True):
                mine.lerp_(new, 1 - decay)
        if (step + 1) % (s.steps // CHECKS) == 0:
            found = float(bits(digits.validation.x, np.random.default_rng(1)).mean())
            if found < best:
                best, kept = found, copy.deepcopy(average.state_dict())
    average.load_state_dict(kept)
    return best, lambda x: np.mean([bits(x, rng) for _ in range(DRAWS)], axis=0)


PACKAGES = {"minigen": minigen, "zuko": zuko}


def trained(
    model: str, package: str, decay: float, seed: int, choosing: bool
) -> tuple[float, NDArray | None]:
    """The validation bits of one training, and the bits of the test pictures once all is chosen."""
    digits = mg.data.digits()
    setting = Setting(**{**vars(SETTINGS[model]), "decay": decay})
    valid, bits = PACKAGES[package](model, setting, digits, seed)
    return float(valid), None if choosing else bits(digits.test.x)


def measured(args: argparse.Namespace) -> list[dict[str, Any]]:
    """One record for each model, package and decay: validation and test bits of each seed."""
    records, choosing = [], bool(args.decays)
    cases = [
        (model, name, decay)
        for model, name in itertools.product(args.models, args.packages)
        for decay in args.decays or [SETTINGS[model].decay]
    ]
    each = [(*case, seed, choosing) for case in cases for seed in args.seeds]
    found = executors.mapped(args, trained, *zip(*each, strict=True))
    for model, name, decay in cases:
        valid, bits = zip(*itertools.islice(found, len(args.seeds)), strict=True)
        record = {"model": model, "package": name, "decay": decay, "validation": valid}
        if not choosing:
            record["test"] = [float(b.mean()) for b in bits]
            record["error"] = float(np.mean(bits, 0).std() / np.sqrt(len(bits[0])))
        records.append(record)
        print(record, flush=True)
    return records


def table(records: Sequence[dict[str, Any]]) -> str:
    """A row for each record."""
    rows = []
    for r in records:
        test = f"{np.mean(r['test']):.3f} ± {r['error']:.3f}" if "test" in r else "-"
        seeds = " ".join(f"{bits:.3f}" for bits in r.get("test", ()))
        valid = f"{np.mean(r['validation']):.3f}"
        rows.append([r["model"], r["package"], r["decay"], valid, test, seeds])
    header = "model", "package", "decay", "validation", "test bits/dim", "of each seed"
    return text.table(rows, header)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    here = [name for name in PACKAGES if importlib.util.find_spec(name)]
    parser.add_argument("--packages", nargs="+", choices=PACKAGES, default=here)
    parser.add_argument("--models", nargs="+", choices=SETTINGS, default=SETTINGS)
    parser.add_argument("--seeds", nargs="+", type=int, default=range(3))
    parser.add_argument("--decays", nargs="+", type=float, help="to choose from; no test figure")
    parser.add_argument("--json", metavar="FILE", help="where the figures go")
    executors.options(parser)
    args = parser.parse_args()
    records = measured(args)
    print(table(records))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(records, file, indent=1)


if __name__ == "__main__":
    main()
