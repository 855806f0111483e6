"""Measure a trained model on data: likelihood, and the distance to a known truth.

Of a table the rows that the model was trained on, those that chose when to stop, and those that it
has never seen are measured apart, beside two baselines fitted to the same training rows.

  minigen evaluate moons.npz --data moons
  minigen evaluate wine.npz --data wine.csv
  minigen evaluate wine.npz --data new-bottles.csv --json
  minigen evaluate drawn.npz --data glyphs
  minigen evaluate mnist.npz --data t10k-images-idx3-ubyte.gz
  minigen evaluate student.npz --data maf.npz
  minigen evaluate power.npz --data power --path data.npy
"""

import argparse
import json
import pathlib

import numpy as np

from minigen.cli import options, results
from minigen.cli.album import is_pictures, measured
from minigen.cli.chapters import family
from minigen.cli.datasets import SUFFIXES, Dataset, dataset, is_model
from minigen.cli.reading import YES_NO, Reading
from minigen.cli.record import Record
from minigen.core import validate
from minigen.data import table
from minigen.training.checkpoint import load_state


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE.npz", help="a model that `minigen train` wrote")
    command.add_argument("--data", required=True, help="a toy, digits, pictures, or a table")
    command.add_argument("--header", choices=YES_NO, help="whether a table's first line has names")
    command.add_argument("--path", metavar="PATH", help="where the data of a published table are")
    options.seed(command)
    options.json(command)


def run(args: argparse.Namespace) -> None:
    model, state = load_state(args.file)
    rng = np.random.default_rng(args.seed)
    record = Record.from_state(state)
    if is_pictures(args.data, None if record else getattr(model, "levels", 0) or None):
        album = measured(args.data, model, state)
        data = Dataset(
            args.data, "pictures", album, None, None, album.features, album.levels,
            classes=album.classes,
        )  # fmt: skip
    elif pathlib.Path(args.data).suffix.lower() in SUFFIXES and not is_model(args.data):
        if args.path is not None:
            raise validate.expected("--path", "none for a file", args.path)
        data = table_of(args.data, record, YES_NO.get(args.header))
    else:
        data = dataset(args.data, rng, None if args.path is None else Reading(path=args.path))
    rows = family(args.file, model).measure(args.file, model, data, rng=rng)
    print(json.dumps(results.plain(rows)) if args.json else results.text(rows))


def table_of(path: str, record: Record | None, header: bool | None) -> Dataset:
    """All rows of a file, in the columns of the model's own table."""
    if record is None:
        options.note("the model's file does not say which rows it was trained on")
    found = table(path, header=header) if record is None else record.read(path, header)
    labels = None if found.y is None else (found.y, None)
    return Dataset(
        path, "table", found.x, None, None, found.x.shape[1], labels=labels,
        classes=found.classes, record=record,
    )  # fmt: skip
