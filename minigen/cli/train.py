"""Train a model and write it to a file.

Settings that are not given are the recipe's for the model and the kind of data.
"""

import argparse
import json
import time
from typing import Any

import numpy as np

from minigen.cli import options
from minigen.cli.chapters import MODELS
from minigen.cli.datasets import dataset
from minigen.core import tree
from minigen.training import save


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", choices=MODELS, help="one of %(choices)s", metavar="MODEL")
    command.add_argument("--data", required=True, help="a toy, digits, or a .csv .npy .npz file")
    command.add_argument("--out", required=True, metavar="FILE.npz", help="where the model goes")
    command.add_argument("--steps", type=options.whole(1), help="of gradient descent")
    command.add_argument("--batch", type=options.whole(1), help="rows a step")
    command.add_argument("--layers", type=options.whole(1), help="how many layers")
    command.add_argument("--hidden", type=options.widths, help="widths of a network: 64,64")
    command.add_argument("--lr", type=options.positive, help="learning rate")
    options.seed(command)
    options.quiet(command)
    options.json(command)


def run(args: argparse.Namespace) -> None:
    out = options.target(args.out, (".npz",))
    rng = np.random.default_rng(args.seed)
    data = dataset(args.data, rng)
    chosen = MODELS[args.model]
    recipe = chosen.recipe(args.model, data)
    given = {k: getattr(args, k) for k in ("steps", "batch", "layers", "hidden", "lr")}
    recipe = recipe.changed(args.model, given)
    model = chosen.build(data, recipe, rng)
    start = time.perf_counter()
    progress = False if args.quiet else None
    done = chosen.family.fit(model, data, recipe, rng=rng, progress=progress)
    save(out, model)
    _report(args, model, done, time.perf_counter() - start)


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
