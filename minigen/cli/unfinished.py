"""The folder beside a model's file in which its run is kept until it is finished."""

import argparse
import json
import pathlib
import shutil
from typing import Any

from minigen.cli.ranks import meet
from minigen.core import files, validate
from minigen.training.ranks import Ranks
from minigen.training.saves import BEST, steps_in

SETTINGS = "settings.json"
OTHERS = (
    "out",
    "plot",
    "resume",
    "restart",
    "run",
    "quiet",
    "json",
    "threads",
)  # do not change a run


def folder_of(out: pathlib.Path) -> pathlib.Path:
    """m.run for m.npz."""
    return out.with_suffix(".run")


def opened(args: argparse.Namespace, out: pathlib.Path, ranks: Ranks) -> pathlib.Path:
    """The folder of the run: a new one, or with --resume the old one and its settings in `args`."""
    folder = folder_of(out)
    if args.resume:
        recall(args, folder)
        return folder
    if steps_in(folder) and not args.restart:
        what = "--resume, which goes on with the unfinished run, or --restart, which removes it"
        raise validate.expected(str(folder), what, "neither")
    for name in ("model", "data"):
        if getattr(args, name) is None:
            raise validate.expected(name if name == "model" else f"--{name}", "one", "none")
    args.seed = args.seed or 0
    meet(ranks)  # all have looked
    if ranks.rank == 0:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        files.replace(folder / SETTINGS, json.dumps(settings(args)))
    meet(ranks)
    return folder


def recall(args: argparse.Namespace, folder: pathlib.Path) -> None:
    """Put the settings of an unfinished run into `args`; others that were given are refused."""
    try:
        found = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise validate.expected("--resume", f"an unfinished run in {folder}", "none") from None
    except (OSError, ValueError) as error:
        raise validate.expected(str(folder / SETTINGS), "the settings of a run", error) from None
    for name, given in settings(args).items():
        old = found.get(name) if isinstance(found, dict) else None
        if given is not None and given != old:
            raise validate.expected(name, f"{old}, that of the run in {folder}", given)
        setattr(args, name, tuple(old) if isinstance(old, list) else old)


def settings(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments that make a run what it is, as JSON has them."""
    values = {name: value for name, value in vars(args).items() if name not in OTHERS}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def closed(folder: pathlib.Path) -> bool:
    """Whether a run that was stopped had begun; if not, its folder is removed."""
    if steps_in(folder) or (folder / BEST).exists():
        return True
    shutil.rmtree(folder, ignore_errors=True)
    return False
