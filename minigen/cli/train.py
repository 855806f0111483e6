"""Train a model and write it to a file.

Settings that are not given are the recipe's for the model and the kind of data. While it trains the
run is kept in a folder beside the file: m.run for m.npz. A run that was stopped, by Ctrl-C, a
signal or a power cut, goes on with `minigen train --out m.npz --resume`, to the same model as one
that was never stopped.
"""

import argparse
import json
import pathlib
import shutil
import time
from dataclasses import replace
from typing import Any

import numpy as np

from minigen.cli import options, unfinished
from minigen.cli.chapters import MODELS
from minigen.cli.datasets import dataset
from minigen.core import tree
from minigen.core.interrupts import Terminated, held
from minigen.training.saves import write_somewhere


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "model", choices=MODELS, nargs="?", help="one of %(choices)s", metavar="MODEL"
    )
    command.add_argument("--data", help="a toy, digits, or a .csv .npy .npz file")
    command.add_argument("--out", required=True, metavar="FILE.npz", help="where the model goes")
    command.add_argument("--steps", type=options.whole(1), help="of gradient descent")
    command.add_argument("--batch", type=options.whole(1), help="rows a step")
    command.add_argument("--layers", type=options.whole(1), help="how many layers")
    command.add_argument("--hidden", type=options.widths, help="widths of a network: 64,64")
    command.add_argument("--lr", type=options.positive, help="learning rate")
    old = command.add_mutually_exclusive_group()
    old.add_argument("--resume", action="store_true", help="go on with a run that stopped")
    old.add_argument("--restart", action="store_true", help="begin anew all the same")
    options.seed(command)
    command.set_defaults(seed=None)
    options.quiet(command)
    options.json(command)


def run(args: argparse.Namespace) -> int:
    out = options.target(args.out, (".npz",))
    folder = unfinished.opened(args, out)
    try:
        return _train(args, out, folder)
    except BaseException:
        unfinished.closed(folder)
        raise


def _train(args: argparse.Namespace, out: pathlib.Path, folder: pathlib.Path) -> int:
    """Train, write and report; 1 if the model had to be written elsewhere."""
    rng = np.random.default_rng(args.seed)
    data = dataset(args.data, rng)
    chosen = MODELS[args.model]
    recipe = chosen.recipe(args.model, data)
    given = {k: getattr(args, k) for k in ("steps", "batch", "layers", "hidden", "lr")}
    recipe = replace(recipe.changed(args.model, given), checkpoint=folder)
    model = chosen.build(data, recipe, rng)
    start = time.perf_counter()
    progress = False if args.quiet else None
    with held():  # until the model is written
        try:
            done = chosen.family.fit(model, data, recipe, rng=rng, progress=progress)
        except (KeyboardInterrupt, Terminated, FloatingPointError) as error:
            if unfinished.closed(folder):
                place = write_somewhere(out, model)
                error.__notes__ = [f"{place} is the best model so far"]
                if not isinstance(error, FloatingPointError):
                    error.add_note(f"to go on: minigen train --out {args.out} --resume")
            raise
        place = write_somewhere(out, model)
        shutil.rmtree(folder, ignore_errors=True)
    _report(args, model, done, time.perf_counter() - start)
    return int(place != out)


def _report(args: argparse.Namespace, model: Any, done: Any, seconds: float) -> None:
    """Print what was trained, how long, and how well."""
    size = sum(a.size for a in tree.flatten(model.params).values())
    facts = {
        "file": args.out, "model": args.model, "data": args.data, "parameters": size,
        "steps": done.steps, "seconds": round(seconds, 2), "loss": done.history["loss"][-1],
    }  # fmt: skip
    if "validation" in done.history:
        facts |= {"best_validation": done.best, "best_step": done.best_step}
    if args.json:
        print(json.dumps(facts))
        return
    print(f"{args.model} on {args.data}: {size:,} parameters, {done.steps} steps, {seconds:.1f} s")
    if "validation" in done.history:
        print(f"best validation loss {done.best:.4f} nats, at step {done.best_step}")
    print(f"written: {args.out}")
