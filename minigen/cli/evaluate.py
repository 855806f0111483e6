"""Measure a trained model on data: likelihood, and the distance to a known truth."""

import argparse
import json

import numpy as np

from minigen.cli import options, results
from minigen.cli.chapters import family
from minigen.cli.datasets import dataset
from minigen.training import load


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE.npz", help="a model that `minigen train` wrote")
    command.add_argument("--data", required=True, help="a toy, digits, or a .csv .npy .npz file")
    options.seed(command)
    options.json(command)


def run(args: argparse.Namespace) -> None:
    model = load(args.file)
    rng = np.random.default_rng(args.seed)
    data = dataset(args.data, rng)
    rows = family(args.file, model).measure(args.file, model, data, rng=rng)
    print(json.dumps(results.plain(rows)) if args.json else results.text(rows))
