"""Draw samples of a trained model: rows in .npy or .csv, or a picture in .png."""

import argparse
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.cli import options
from minigen.cli.chapters import family
from minigen.cli.files import write_picture, write_rows
from minigen.core import validate
from minigen.training import load


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE.npz", help="a model that `minigen train` wrote")
    command.add_argument("-n", type=options.whole(1), default=64, help="how many (default 64)")
    command.add_argument("--out", required=True, metavar="OUT", help=".npy, .csv or .png")
    options.seed(command)


def run(args: argparse.Namespace) -> None:
    out = options.target(args.out, (".npy", ".csv", ".png"))
    model = load(args.file)
    x = family(args.file, model).sample(model, args.n, rng=np.random.default_rng(args.seed))
    if out.suffix.lower() == ".png":
        write_picture(out, _picture(x, model))
    else:
        write_rows(out, x)
    print(f"{len(x)} samples of {x.shape[1]} columns: {out}")


def _picture(x: NDArray, model: Any) -> Any:
    """Points of the plane, or images."""
    from minigen import plot

    if x.shape[1] == 2:
        return plot.samples(x)
    if math.isqrt(x.shape[1]) ** 2 != x.shape[1]:
        what = "samples of 2 columns, or of a square number of pixels, for a picture"
        raise validate.expected("--out", what, f"{x.shape[1]} columns; use .npy or .csv")
    return plot.images(x, top=model.levels - 1 if model.levels else None)
