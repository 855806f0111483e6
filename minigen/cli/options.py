"""Arguments that several commands have, each read once and refused in one line."""

import argparse
import os
import pathlib
import sys
from collections.abc import Callable, Sequence

from minigen.core import validate


def seed(command: argparse.ArgumentParser) -> None:
    command.add_argument("--seed", type=whole(0), default=0, help="of all randomness (default 0)")


def json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print JSON, for a machine")


def quiet(command: argparse.ArgumentParser) -> None:
    command.add_argument("--quiet", action="store_true", help="no progress on standard error")


def whole(low: int) -> Callable[[str], int]:
    """The type of an argument that is an integer >= low."""

    def parse(text: str) -> int:
        value = int(text)
        if value < low:
            raise argparse.ArgumentTypeError(f"expected an integer >= {low}, got {value}")
        return value

    parse.__name__ = "integer"  # argparse names the type in its own message
    return parse


def positive(text: str) -> float:
    """The type of an argument that is a number above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return value


def not_negative(text: str) -> float:
    """The type of an argument that is a number >= 0."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number >= 0, got {text}")
    return value


not_negative.__name__ = "number"  # argparse names the type in its own message


def widths(text: str) -> tuple[int, ...]:
    """The type of --hidden: 64 or 64,64."""
    try:
        return tuple(whole(1)(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected 64 or 64,64, got {text}") from None


def target(path: str, suffixes: Sequence[str] = (), name: str = "--out") -> pathlib.Path:
    """The path of a file to be written, refused before any work is done for it."""
    file = pathlib.Path(path)
    if suffixes:
        validate.choice(f"{file}: suffix", file.suffix.lower(), suffixes)
    if not file.parent.is_dir():
        raise validate.expected(name, "a file in an existing folder", file)
    if file.is_dir() or not os.access(file.parent, os.W_OK):
        raise validate.expected(name, "a file that can be written", file)
    return file


def note(message: str) -> None:
    """A line about progress, on standard error."""
    print(message, file=sys.stderr, flush=True)
