"""Entries of somebody's own file."""

import importlib.util
import pathlib
import sys

from minigen.core import validate
from minigen.derivations.equation import entries_of


def entries_in(path):
    """The entries that a Python file makes; the file is run, as `python FILE` would run it."""
    path = pathlib.Path(path)
    if path.suffix != ".py" or not path.is_file():
        raise validate.expected("file", "a Python file", repr(str(path)))
    name = f"minigen_file_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = entries_of(vars(module))
    if not found:
        what = "a file with entries, functions under @entry(...)"
        raise validate.expected("file", what, f"none in {path}")
    return found


def joined(*groups):
    """Entries of several sources, in order; an id may stand for one of them only."""
    together = [e for group in groups for e in group]
    names = [e.id.lower() for e in together]
    twice = sorted({e.id for e in together if names.count(e.id.lower()) > 1})
    if twice:
        raise validate.expected("id", "a name of its own for each entry", f"{twice[0]} twice")
    return tuple(together)
