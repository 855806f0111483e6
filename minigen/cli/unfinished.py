"""The folder beside a model's file in which its run is kept until it is finished."""

import argparse
import contextlib
import hashlib
import json
import pathlib
from collections.abc import Iterator
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


@contextlib.contextmanager
def opened(args: argparse.Namespace, out: pathlib.Path, ranks: Ranks) -> Iterator[pathlib.Path]:
    """The folder of the run: a new one, or with --resume the old one and its settings in `args`.

    No other process has it meanwhile. If it holds no run after an error it is removed.
    """
    folder = folder_of(out)
    if args.resume:
        recall(args, folder)
    elif steps_in(folder) and not args.restart:
        what = "--resume, which goes on with the unfinished run, or --restart, which removes it"
        raise validate.expected(str(folder), what, "neither")
    for name in ("model", "data"):
        if getattr(args, name) is None:
            raise validate.expected(name if name == "model" else f"--{name}", "one", "none")
    if folder.exists() and not folder.is_dir():
        raise validate.expected(str(folder), "a folder for the run, or nothing", "a file")
    args.seed = args.seed or 0
    meet(ranks)  # all have looked
    if ranks.rank == 0:
        folder.mkdir(exist_ok=True)
    with files.alone(folder) if ranks.rank == 0 else contextlib.nullcontext(True) as free:
        if ranks.any(not free):
            what = "a folder in which no other process trains"
            raise validate.expected(str(folder), what, "one in which one does")
        if ranks.rank == 0 and not args.resume:
            emptied(folder)
            files.replace(folder / SETTINGS, signed(settings(args)))
        args.begun = next((int(path.stem[5:]) for path in steps_in(folder)), 0)
        meet(ranks)
        try:
            yield folder
        except BaseException:
            if ranks.rank == 0:
                closed(folder)
            raise


def recall(args: argparse.Namespace, folder: pathlib.Path) -> None:
    """Put the settings of an unfinished run into `args`; others that were given are refused."""
    path = folder / SETTINGS
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text)
    except FileNotFoundError:
        raise validate.expected("--resume", f"an unfinished run in {folder}", "none") from None
    except (OSError, ValueError) as error:
        raise validate.expected(str(path), "the settings of a run", error) from None
    if not isinstance(found, dict) or signed(found.get("settings")) != text:
        raise validate.expected(str(path), "the settings as the run wrote them", "others")
    for name, given in settings(args).items():
        old = found["settings"].get(name)
        if given is not None and given != old:
            raise validate.expected(name, f"{old}, that of the run in {folder}", given)
        setattr(args, name, tuple(old) if isinstance(old, list) else old)


def signed(values: Any) -> str:
    """The text of SETTINGS: the settings, and the SHA-256 that tells whether they were changed."""
    digest = hashlib.sha256(json.dumps(values).encode()).hexdigest()
    return json.dumps({"settings": values, "sha256": digest})


def settings(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments that make a run what it is, as JSON has them."""
    values = {name: value for name, value in vars(args).items() if name not in OTHERS}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def closed(folder: pathlib.Path) -> bool:
    """Whether a run that was stopped had begun; if not, its folder is removed."""
    if steps_in(folder) or (folder / BEST).exists():
        return True
    cleared(folder)
    return False


def cleared(folder: pathlib.Path) -> None:
    """Remove the files of a run, and the folder if there is nothing else in it."""
    with contextlib.suppress(OSError):
        emptied(folder)
        folder.rmdir()


def emptied(folder: pathlib.Path) -> None:
    """Remove the files of a run; others are left alone."""
    files.sweep(folder)
    for path in (folder / SETTINGS, folder / BEST, *steps_in(folder)):
        path.unlink(missing_ok=True)
