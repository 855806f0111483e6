"""Entries of a user's own file."""

import importlib.util
import pathlib
import sys
import traceback
from collections.abc import Iterable

from minigen.core import validate
from minigen.derivations.equation import Entry, entries_of


def entries_in(path: str | pathlib.Path) -> tuple[Entry, ...]:
    """The entries that a Python file makes; the file is run, as `python FILE` would run it."""
    path = pathlib.Path(path)
    if path.suffix != ".py" or not path.is_file():
        raise validate.expected("file", "a Python file", repr(str(path)))
    name = f"minigen_file_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # it may fail in any way: the user is told where
        got = f"{type(error).__name__} in {path.name}:{line_of(error, path)}: {error}"
        raise validate.expected("file", "a Python file that runs", got) from error
    found = entries_of(vars(module))
    if not found:
        what = "a file with entries, functions under @entry(...)"
        raise validate.expected("file", what, f"none in {path}")
    return found


def line_of(error: BaseException, path: pathlib.Path) -> int | None:
    """The last line of the file that an exception passed through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return frames[-1].lineno if frames else getattr(error, "lineno", None)


def joined(*groups: Iterable[Entry]) -> tuple[Entry, ...]:
    """Entries of several sources, in order; an id may stand for one of them only."""
    together = [e for group in groups for e in group]
    names = [e.id.lower() for e in together]
    twice = sorted({e.id for e in together if names.count(e.id.lower()) > 1})
    if twice:
        raise validate.expected("id", "a name of its own for each entry", f"{twice[0]} twice")
    return tuple(together)
