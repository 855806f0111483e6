"""Ask flows of other libraries what minigen asks its own, and print a table.

    minigen audit                     what can be asked of whom, and what is installed
    minigen audit zuko nflows         every model of these libraries
    minigen audit mine.py             a model of your own

The questions: is the inverse the inverse, is the log-determinant that of the Jacobian, does the
density integrate to one, are the samples its own, does the context reach every coordinate, are the
gradients those of the function, is a batch its rows, what happens far from the data. A cell that
is wrong is followed by the ten lines or so that show it in the library's own terms.

A file of one's own defines forward(x, c) -> (z, log-det), inverse(z, c), log_prob(x, c) and
sample(n, c), as tensors of torch, arrays of JAX or of NumPy (it imports one of them), for x (N, 2)
and c (N, 1). It is run with all your rights.
"""

import argparse
import importlib.util
import json
import pathlib
import sys
from typing import Any

from minigen.cli import options
from minigen.core import text, validate

NEEDED = {
    "minigen": "minigen", "zuko": "zuko", "nflows": "nflows", "normflows": "normflows",
    "flowjax": "flowjax",
}  # fmt: skip


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("library", nargs="*", metavar="LIBRARY", help="zuko, nflows, ..., FILE.py")
    command.add_argument("--model", metavar="NAME", help="only models with this in their name")
    command.add_argument("--oracle", metavar="NAME", help="only this question")
    options.seed(command)
    options.json(command)


def run(args: argparse.Namespace) -> int:
    """The table, and a reproduction of each red cell; exit code 1 if there is one."""
    from minigen.audit import by_hand, models, oracles

    if not args.library:
        return _overview(models.LIBRARIES, oracles.ORACLES)
    asked = list(oracles.ORACLES)
    if args.oracle:
        asked = [validate.choice("--oracle", args.oracle, asked)]
    chosen = [pair for name in args.library for pair in _models(name, models.LIBRARIES)]
    chosen = [(name, code) for name, code in chosen if (args.model or "").lower() in name.lower()]
    if not chosen:
        raise validate.expected("--model", "a part of a model's name", repr(args.model))
    found: dict[str, dict[str, Any]] = {}
    for name, code in chosen:
        found[name] = {}
        model = oracles.made(code)
        for oracle in asked:
            _progress(f"{name}: {oracle}")
            found[name][oracle] = oracles.ask(model, oracle, args.seed)
    _progress("")
    red = [(n, o) for n, cells in found.items() for o, c in cells.items() if c.right is False]
    codes = dict(chosen)
    if args.json:
        _as_json(found, codes, red)
    else:
        _table(found, asked)
        for name, oracle in red:
            why = found[name][oracle].why
            print(f"\n{name}, {oracle}: {found[name][oracle].text}{f', {why}' if why else ''}\n")
            for line in by_hand.reproduction(codes[name], oracle).splitlines():
                print(f"    {line}")
    return 1 if red else 0


def _overview(libraries: dict, asked: dict) -> int:
    """Who can be asked, and what."""
    rows = [
        (name, len(of), "installed" if importlib.util.find_spec(NEEDED[name]) else "not installed")
        for name, of in libraries.items()
    ]
    print(text.table(rows, ("library", "models", "")))
    print(f"\nquestions: {', '.join(asked)}")
    return 0


def _models(name: str, libraries: dict) -> list[tuple[str, str]]:
    """[(name, lines)] of a library, or of a file of the user's."""
    path = pathlib.Path(name)
    if path.suffix == ".py":
        if not path.is_file():
            raise validate.expected("LIBRARY", "a Python file", repr(name))
        return [(path.stem, path.read_text(encoding="utf-8"))]
    validate.choice("LIBRARY", name, libraries)
    if importlib.util.find_spec(NEEDED[name]) is None:
        got = 'it is not (pip install "minigen[audit]")'
        raise validate.expected("LIBRARY", f"{name} to be installed", got)
    return [(f"{name} {model}", code) for model, code in libraries[name].items()]


def _progress(message: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{message:<60}\r", end="", file=sys.stderr, flush=True)


def _table(found: dict[str, dict[str, Any]], asked: list[str]) -> None:
    """Models down, questions across; what is wrong has an X before it, in red on a terminal."""
    red, plain = ("\033[31m", "\033[0m") if sys.stdout.isatty() else ("", "")

    def cell(c: Any) -> str:
        return f"X {c.text}" if c.right is False else c.text

    rows = [(name, *(cell(cells[o]) for o in asked)) for name, cells in found.items()]
    for line in text.table(rows, ("model", *asked)).splitlines():
        parts = line.split("  ")
        print("  ".join(f"{red}{p}{plain}" if p.startswith("X ") else p for p in parts))
    print("\nX: wrong, with how far off; -: not offered; ?: could not be decided")


def _as_json(found: dict, codes: dict[str, str], red: list) -> None:
    """The cells and the reproductions, for a machine."""
    from minigen.audit import by_hand

    cells = [
        {"model": n, "oracle": o, "right": c.right, "text": c.text, "why": c.why}
        | ({"reproduction": by_hand.reproduction(codes[n], o)} if (n, o) in red else {})
        for n, of in found.items()
        for o, c in of.items()
    ]
    print(json.dumps({"ok": not red, "cells": cells}, indent=1))
