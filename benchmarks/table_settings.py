"""How two settings of `minigen train` for tables were chosen: on training rows alone.

    python benchmarks/table_settings.py start  [--models ...] [--splits 1] [--rows 4000 8000 ...]
    python benchmarks/table_settings.py chance [--models ...] [--splits 3]

The fifth of each table that `benchmarks/tables.py` holds out first is left out here. Of the other
rows each split keeps a fifth to judge by; on what is left the command's own settings are trained, a
tenth of it being validation rows.

start: a flow starts as a Gaussian, or with a spline for each principal axis. Printed is what the
splines gain on the judging rows, in nats a row, for tables of several numbers of rows a column.

chance: the start is given up for parameters whose gain on the validation rows is above so many
standard errors. One training of each table is replayed with several limits, early stopping
included; printed is what the parameters that are kept gain over the start on the judging rows.
Among the tables are rows of Gaussians, of which the start says all there is to say.
"""

import argparse
from collections.abc import Iterator, Sequence
from unittest import mock

import numpy as np
from numpy.typing import NDArray
from tables import FLOWS, SETS, dataset_of, figures, rows

from minigen.cli.chapters import MODELS, flows
from minigen.core import text
from minigen.training import Adam, batches
from minigen.training.best import is_early
from minigen.training.loop import Average, Descent, factor_of

LIMITS = 0.0, 1.0, 1.6, 2.0, 2.6, 3.3, 4.0  # standard errors; 2.6 is about 99.5 % of a Gaussian
SMALL = ("wine", "iris", "diabetes", "breast_cancer")
LAWS = {"gaussian_60x2": (60, 2), "gaussian_60x5": (60, 5), "gaussian_500x5": (500, 5)}
LARGE = ("magic", "phoneme", "ring", "twonorm")


def inside(name: str, split: int = 0) -> NDArray:
    """The rows of a table that its first split does not hold out; of a law, other rows a split."""
    if name in LAWS:
        n, d = LAWS[name]
        mixing = np.random.default_rng(d).standard_normal((d, d))
        return np.random.default_rng((split, n)).standard_normal((n, d)) @ mixing
    x = rows(name)
    return np.random.default_rng(0).permutation(x)[len(x) // 5 :]


def start(models: Sequence[str], splits: int, sizes: Sequence[int], sets: Sequence[str]) -> None:
    lines = []
    for name in sets:
        full = inside(name)
        for n in sorted({min(size, len(full)) for size in sizes}):
            trained = n - n // 5
            for model in models:
                found = []
                for bent in (False, True):
                    with mock.patch.object(flows, "starts_bent", lambda *_, bent=bent: bent):
                        found.append([figures(model, full[:n], k)[0] for k in range(splits)])
                gain = np.subtract(*found)
                a_column = f"{trained / full.shape[1]:.0f}"
                lines.append((name, model, a_column, f"{gain.mean():+.3f}", f"{gain.min():+.3f}"))
                print(*lines[-1], flush=True)
    print(text.table(lines, ("table", "model", "rows a column", "gain", "least of a split")))


def replayed(name: str, model: str, split: int) -> Iterator[float]:
    """For each limit, the gain over the start on the judging rows of what would be kept."""
    rng = np.random.default_rng(split)
    full = inside(name, split)
    judges, rest = np.split(rng.permutation(full), [len(full) // 5])
    dataset = dataset_of(rest, rng)
    recipe = MODELS[model].recipe(model, dataset)
    flow = MODELS[model].build(dataset, recipe, rng)
    every, patience = recipe.validate_every or 1, recipe.patience or recipe.steps
    descent = Descent(flow.nll, Adam(recipe.lr, weight_decay=recipe.weight_decay))
    average = Average(descent.theta, recipe.ema)
    batch, decay = batches.source(dataset.train, recipe.batch, flow.nll, rng), factor_of("cosine")
    checks: list[tuple[int, NDArray, float]] = []
    for step in range(recipe.steps + 1):
        if step:
            descent.step(batch(), rng, decay((step - 1) / recipe.steps))
            average.update(step)
        if step % every == 0 or is_early(step, every):
            live = descent.theta.copy()
            descent.theta[...] = average.value
            losses = -flow.log_prob(dataset.validation).astype(np.float64)
            checks.append((step, losses, -float(flow.log_prob(judges).mean(dtype=np.float64))))
            descent.theta[...] = live
    (_, first, at_start), n = checks[0], len(checks[0][1])
    for limit in LIMITS:
        best, kept, least, since = first.mean(), at_start, first.mean(), 0
        for step, losses, judged in checks[1:]:
            since = 0 if losses.mean() < least else since + (step % every == 0)
            least = min(least, losses.mean())
            gain = first - losses
            error = gain.std(ddof=1) / np.sqrt(n)
            sure = gain.mean() > (limit and limit + 6 / (n - 1)) * error
            if losses.mean() < best and sure:
                best, kept = losses.mean(), judged
            if since >= patience:
                break
        yield at_start - kept


def chance(models: Sequence[str], splits: int, sets: Sequence[str]) -> None:
    lines, every = [], []
    for name in sets:
        for model in models:
            every += [[*replayed(name, model, k)] for k in range(splits)]
            gain = np.mean(every[-splits:], axis=0)
            lines.append((name, model, *(f"{g:+.3f}" for g in gain)))
            print(*lines[-1], flush=True)
    for said, of in (("mean", np.mean), ("least of a split", np.min)):
        lines.append((said, "", *(f"{g:+.3f}" for g in of(every, axis=0))))
    worse = (np.array(every) < 0).mean(axis=0)
    lines.append(("worse than the start", "", *(f"{part:.1%}" for part in worse)))
    print(text.table(lines, ("table", "model", *(f"{limit:g}" for limit in LIMITS))))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("setting", choices=("start", "chance"))
    parser.add_argument("--models", nargs="+", default=FLOWS, choices=FLOWS)
    parser.add_argument("--sets", nargs="+", choices=sorted({*SETS, *LARGE, *LAWS}))
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--rows", nargs="+", type=int, default=(4000, 8000, 16_000))
    args = parser.parse_args()
    if args.setting == "start":
        start(args.models, args.splits, args.rows, args.sets or LARGE)
    else:
        chance(args.models, args.splits, args.sets or (*SMALL, *LAWS))


if __name__ == "__main__":
    main()
