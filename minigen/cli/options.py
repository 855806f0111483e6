"""Arguments that several commands have, each read once and refused in one line."""

import argparse
import os
import pathlib
import sys

from minigen.core import validate


def seed(command):
    command.add_argument("--seed", type=whole(0), default=0, help="of all randomness (default 0)")


def json(command):
    command.add_argument("--json", action="store_true", help="print JSON, for a machine")


def quiet(command):
    command.add_argument("--quiet", action="store_true", help="no progress on standard error")


def whole(low):
    """The type of an argument that is an integer >= low."""

    def parse(text):
        value = int(text)
        if value < low:
            raise argparse.ArgumentTypeError(f"expected an integer >= {low}, got {value}")
        return value

    parse.__name__ = "integer"  # argparse names the type in its own message
    return parse


def positive(text):
    """The type of an argument that is a number above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return value


def widths(text):
    """The type of --hidden: 64 or 64,64."""
    return tuple(whole(1)(part) for part in text.split(","))


def target(path, suffixes=None, name="--out"):
    """The path of a file to be written, refused before any work is done for it."""
    path = pathlib.Path(path)
    if suffixes:
        validate.choice(f"{path}: suffix", path.suffix.lower(), suffixes)
    if not path.parent.is_dir():
        raise validate.expected(name, "a file in an existing folder", path)
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise validate.expected(name, "a file that can be written", path)
    return path


def note(message):
    """A line about progress, on standard error."""
    print(message, file=sys.stderr, flush=True)
