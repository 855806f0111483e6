"""Draw samples of a trained model: rows, a picture, or text, by the suffix of OUT.

Rows keep the names of the table's columns. A conditional model gives as many samples of each class,
one class after the other, or those of one class. A diffusion model may be sampled in few steps.

  minigen sample wine.npz -n 500 --out new.csv
  minigen sample iris.npz -n 90 --label setosa --out setosa.csv
  minigen sample wine.npz -n 500 --data wine.csv --out pairs.png
  minigen sample straight.npz -n 500 --sampler dpm++2m --steps 15 --out points.png
  minigen sample alice.npz -n 5 --out lines.txt
"""

import argparse
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.cli import options
from minigen.cli.chapters import family
from minigen.cli.files import write_picture, write_rows
from minigen.cli.record import Record
from minigen.core import files, validate
from minigen.data.readers import word
from minigen.diffusion import DDPM, ClockLoss
from minigen.diffusion.samplers import SAMPLERS
from minigen.training.checkpoint import load_state

SUFFIXES = (".npy", ".csv", ".tsv", ".png", ".txt")


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE.npz", help="a model that `minigen train` wrote")
    command.add_argument("-n", type=options.whole(1), default=64, help="how many (default 64)")
    command.add_argument(
        "--out", required=True, metavar="OUT", help=".csv .tsv .npy, .png, or .txt of a text"
    )
    command.add_argument("--label", metavar="CLASS", help="samples of this class alone")
    command.add_argument(
        "--data", metavar="FILE", help="a table whose rows a picture shows below the samples"
    )
    command.add_argument("--sampler", choices=SAMPLERS, help="of a diffusion model")
    command.add_argument("--steps", type=options.whole(1), help="of a diffusion model's sampler")
    options.seed(command)


def run(args: argparse.Namespace) -> None:
    out = options.target(args.out, SUFFIXES)
    kind = out.suffix.lower()
    model, state = load_state(args.file)
    record = Record.from_state(state)
    if args.data and (kind != ".png" or record is None):
        raise validate.expected("--data", "a picture of samples of a table's model", args.data)
    if kind == ".txt" and "symbols" not in state:
        raise validate.expected("--out", ".txt of a model of text alone", out)
    draw = family(args.file, model).sample
    if draw is None:
        raise validate.expected(args.file, "a model that can be sampled", type(model).__name__)
    rng = np.random.default_rng(args.seed)
    label = chosen(args, model, record, state)
    drawn: dict[str, Any] = {} if label is None else {"label": label}
    for name in ("sampler", "steps"):
        if getattr(args, name) is not None:
            if not isinstance(model, DDPM | ClockLoss):
                got = f"{type(model).__name__} in {args.file}"
                raise validate.expected(f"--{name}", "a diffusion model", got)
            drawn[name] = getattr(args, name)
    x = draw(model, args.n, rng=rng, **drawn)
    if record is not None:
        x = record.grid.values(x)
    if kind == ".txt":
        lines = ("".join(state["symbols"][k] for k in row) for row in x)
        files.replace(out, "\n".join(lines) + "\n")
    elif kind == ".png":
        write_picture(out, picture(x, model, record, args.data))
    else:
        words = [] if label is None or record is None else [record.classes[k] for k in label]
        write_rows(out, x, names(record, words), words)
    print(f"{len(x)} samples of {x.shape[1]} columns: {out}")


def chosen(
    args: argparse.Namespace, model: Any, record: Record | None, state: Mapping[str, Any]
) -> NDArray | None:
    """The class of each sample, or None for a model without classes."""
    known = state.get("pictures", {}).get("classes", ())
    classes = tuple(known) if record is None else record.classes
    count = max(getattr(model, "classes", 0), getattr(model, "context", 0))
    if not count:
        if args.label is not None:
            raise validate.expected("--label", "none (the model has no classes)", args.label)
        return None
    classes = classes or tuple(map(str, range(count)))
    if args.label is None:
        return np.sort(np.arange(args.n) % count) if record else np.arange(args.n) % count
    label = args.label if args.label in classes else word(args.label)
    return np.full(args.n, classes.index(validate.choice("--label", label, classes)))


def names(record: Record | None, words: list[str]) -> tuple[str, ...]:
    """The line above the samples of a table."""
    if record is None or not record.columns:
        return ()
    return (*record.columns, record.label) if words else record.columns


def picture(x: NDArray, model: Any, record: Record | None, data: str | None) -> Any:
    """Pairs of the columns of a table, points of the plane, or images."""
    from minigen import plot

    if record is not None:
        old = None if data is None else record.grid.values(record.read(data, None).x)
        return plot.pairs(x, old, names=record.names)
    if x.shape[1] == 2:
        return plot.samples(x)
    if math.isqrt(x.shape[1]) ** 2 != x.shape[1]:
        return plot.pairs(x)
    return plot.images(x, top=model.levels - 1 if model.levels else None)
