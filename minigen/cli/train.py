"""Train a model and write it to a file.

Settings that are not given are the recipe's for the model and the kind of data. While it trains the
run is kept in a folder beside the file: m.run for m.npz. A run that was stopped, by Ctrl-C, a
signal or a power cut, goes on with `minigen train --out m.npz --resume`, to the same model as one
that was never stopped. With mpi4py several processes train one model, each on some rows of every
batch: the last line below.

  minigen train real_nvp --data moons --out moons.npz
  minigen train maf --data wine.csv --drop target --out wine.npz --plot wine.png
  minigen train real_nvp --data iris.csv --label species --out iris.npz
  minigen train maf --data people.csv --levels age,children=12 --out people.npz
  minigen train ddpm --data rows.tsv --validation new.tsv --test 0 --out rows.npz
  minigen train triplet --data iris.csv --label species --out near.npz
  minigen train unet --data glyphs --size 28 --out drawn.npz
  minigen train real_nvp_image --data train-images-idx3-ubyte.gz --size 14 --levels 16 --out m.npz
  minigen train maf --data digits --label y --out classes.npz
  minigen train flow_matching --data moons --out straight.npz
  minigen train iaf --data maf.npz --out student.npz
  minigen train clock --data digits --of ddpm.npz --out clock.npz
  minigen train covariance --data moons --of straight.npz --out sharp.npz
  minigen train info_nce --data digits --out near.npz
  minigen train markov --data text --out alice.npz
  mpiexec -n 2 minigen train real_nvp --data digits --out digits.npz
"""

import argparse
import difflib
import json
import pathlib
import time
from dataclasses import replace
from typing import Any

import numpy as np

from minigen.cli import options, reading, results, unfinished
from minigen.cli.chapter import Model
from minigen.cli.chapters import MODELS
from minigen.cli.datasets import Dataset, dataset
from minigen.cli.files import write_picture
from minigen.cli.ranks import silent, world
from minigen.cli.results import mean
from minigen.core import tree
from minigen.core.interrupts import Terminated, held
from minigen.data import TOYS
from minigen.diffusion.predict import KINDS
from minigen.flows import ENERGIES, Flow
from minigen.training.ranks import Ranks
from minigen.training.saves import write_somewhere


def arguments(command: argparse.ArgumentParser) -> None:
    about = f"one of {', '.join(MODELS)}"
    command.add_argument("model", type=model, nargs="?", help=about, metavar="MODEL")
    command.add_argument(
        "--data", help="a toy, an energy, digits, glyphs, text, or a file: see below"
    )
    command.add_argument("--out", required=True, metavar="FILE.npz", help="where the model goes")
    command.add_argument("--steps", type=options.whole(1), help="of gradient descent")
    command.add_argument("--batch", type=options.whole(1), help="rows a step")
    command.add_argument("--layers", type=options.whole(1), help="how many layers")
    command.add_argument("--hidden", type=options.widths, help="widths of a network: 64,64")
    command.add_argument("--lr", type=options.positive, help="learning rate")
    command.add_argument("--weight-decay", type=options.not_negative, help="of the networks")
    command.add_argument("--predict", choices=KINDS, help="what a diffusion network predicts")
    command.add_argument(
        "--of", metavar="MODEL.npz", help="the diffusion model whose clock or covariance is learned"
    )
    command.add_argument(
        "--patience", type=options.whole(1), help="checks without improvement before it stops"
    )
    command.add_argument(
        "--threads", type=options.whole(1),
        help="of each matrix product (default: one, of very large products all)",
    )  # fmt: skip
    command.add_argument(
        "--plot", metavar="FILE.png", help="the training curve, and samples against the data"
    )
    old = command.add_mutually_exclusive_group()
    old.add_argument("--resume", action="store_true", help="go on with a run that stopped")
    old.add_argument("--restart", action="store_true", help="begin anew all the same")
    reading.options(command)
    command.epilog = takes()
    options.seed(command)
    command.set_defaults(seed=None)
    options.quiet(command)
    options.json(command)


def model(name: str) -> str:
    """The type of MODEL: a name in MODELS, or an error with the nearest."""
    if name not in MODELS:
        near = difflib.get_close_matches(name, MODELS, 1, 0.4)
        hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(MODELS)}"
        raise argparse.ArgumentTypeError(f"no model {name!r}; {hint}")
    return name


def takes() -> str:
    """Which model takes which data."""
    kinds = {"table": "a .csv .tsv .npy .npz file", "text": "text, or a .txt file"}
    kinds |= {"flow": "the .npz of a trained flow"}
    kinds |= {"toy": "a toy", "energy": "an energy", "digits": "digits", "pictures": "pictures"}
    lines = [
        f"  {name:14} {', '.join(kinds.get(kind, kind) for kind in one.recipes)}"
        for name, one in MODELS.items()
    ]
    return "\n".join([
        "what MODEL takes as --data:", *lines, "",
        f"toys: {', '.join(TOYS)}", f"energies: {', '.join(ENERGIES)}",
        "pictures: glyphs, train-images-idx3-ubyte.gz, a folder of PNG, or .npz with --size",
    ])  # fmt: skip


def run(args: argparse.Namespace) -> int:
    out = options.target(args.out, (".npz",))
    picture = options.target(args.plot, (".png",), "--plot") if args.plot else None
    ranks = Ranks(world())
    with silent(ranks), unfinished.opened(args, out, ranks) as folder:
        return _train(args, out, folder, picture, ranks)


def _train(
    args: argparse.Namespace, out: pathlib.Path, folder: pathlib.Path,
    picture: pathlib.Path | None, ranks: Ranks,
) -> int:  # fmt: skip
    """Train, write and report; 1 if the model had to be written elsewhere."""
    rng = np.random.default_rng(args.seed)
    chosen = MODELS[args.model]
    density = chosen.family.sample is not None
    data = dataset(args.data, rng, reading.Reading.of(args), density)
    recipe = chosen.recipe(args.model, data)
    recipe = replace(
        recipe.changed(args.model, reading.given(args)), checkpoint=folder, threads=args.threads,
        comm=ranks.comm,
    )  # fmt: skip
    if recipe.of and data.record is not None:
        data = replace(data, record=data.record.after(recipe.of))
    model = chosen.build(data, recipe, rng)
    start = time.perf_counter()
    progress = False if args.quiet else None
    with held():  # until the model is written
        try:
            done = chosen.family.fit(model, data, recipe, rng=rng, progress=progress)
        except (KeyboardInterrupt, Terminated, FloatingPointError) as error:
            if ranks.rank == 0 and unfinished.closed(folder):
                place = write_somewhere(out, model, data.state)
                before = getattr(error, "__notes__", [])[:-1]  # the last is of the run's folder
                error.__notes__ = [*before, f"{place} is the best model so far"]
                if not isinstance(error, FloatingPointError):
                    error.add_note(f"to go on: minigen train --out {args.out} --resume")
            raise
        if ranks.rank:
            return 0
        place = write_somewhere(out, model, data.state)
        unfinished.cleared(folder)
    if picture:
        write_picture(picture, drawn(chosen, model, data, done, rng))
    args.out = str(place) if place != out else args.out
    _report(args, chosen, model, done, time.perf_counter() - start)
    if data.paper is not None:
        _compare(args, model, data)
    return int(place != out)


def _compare(args: argparse.Namespace, model: Any, data: Dataset) -> None:
    """Print the log-likelihood of a published table's test part beside the paper's."""
    if not isinstance(model, Flow) or data.paper is None:
        return
    logp = model.log_prob(data.source).astype(np.float64)
    row = mean(args.model, data.name, "test log-likelihood, nats", logp, data.paper)
    print(json.dumps(results.plain([row])) if args.json else results.text([row]))


def drawn(chosen: Model, model: Any, data: Dataset, done: Any, rng: np.random.Generator) -> Any:
    """The training curve, beside samples where there are rows to compare them with."""
    from minigen import plot

    if data.kind not in ("table", "toy") or chosen.family.sample is None:
        return plot.training(done)
    rows = data.source.sample(1000, rng=rng) if data.kind == "toy" else data.source
    label = None if data.labels is None else np.arange(1000) % len(data.classes)
    x = chosen.family.sample(model, 1000, rng=rng, **({} if label is None else {"label": label}))
    if data.record is None:
        return plot.pairs(x, rows, run=done)
    grid = data.record.grid
    return plot.pairs(grid.values(x), grid.values(rows), names=data.record.names, run=done)


def _report(args: argparse.Namespace, chosen: Model, model: Any, done: Any, seconds: float) -> None:
    """Print what was trained, how long, and how well."""
    size = sum(a.size for a in tree.flatten(model.params).values())
    facts = {
        "file": args.out, "model": args.model, "data": args.data, "parameters": size,
        "steps": done.steps, "from_step": args.begun, "seconds": round(seconds, 2),
        "loss": done.history["loss"][-1],
    }  # fmt: skip
    if "validation" in done.history:
        facts |= {"best_validation": done.best, "best_step": done.best_step}
    if args.json:
        print(json.dumps(facts))
        return
    since = f" from step {args.begun} on" if args.begun else ""
    told = f"{size:,} parameters, {done.steps} steps, {seconds:.1f} s{since}"
    print(f"{args.model} on {args.data}: {told}")
    if "validation" in done.history:
        unit = f" {chosen.family.unit}".rstrip()
        print(f"best validation loss {done.best:.4f}{unit}, at step {done.best_step}")
        if not done.best_step:
            print("no step was surely better than the start, which is kept")
    print(f"written: {args.out}")
