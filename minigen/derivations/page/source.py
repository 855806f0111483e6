"""The code that stands behind an equation: its name, its place, its text."""

import ast
import inspect
import pathlib
import textwrap
from typing import Any

from minigen.derivations.equation import Entry

PACKAGE = pathlib.Path(__file__).resolve().parent.parent.parent


def name(obj: Any) -> str:
    """AffineCoupling.inverse, or the name of a function."""
    return getattr(obj, "__qualname__", type(obj).__qualname__)


def definition(obj: Any) -> Any:
    """The function to be read: of a kernel its twin in NumPy, which is what it means."""
    return getattr(obj, "twin", None) or inspect.unwrap(obj)


def place(obj: Any) -> str:
    """flows/coupling.py:95, from the package's folder; the bare file name outside of it."""
    obj = definition(obj)
    file = pathlib.Path(inspect.getsourcefile(obj) or "").resolve()
    inside = file.is_relative_to(PACKAGE)
    shown = file.relative_to(PACKAGE).as_posix() if inside else file.name
    return f"{shown}:{inspect.getsourcelines(obj)[1]}"


def text(obj: Any) -> str:
    """The source as it stands, moved to the left margin."""
    return textwrap.dedent(inspect.getsource(definition(obj))).rstrip()


def listing(e: Entry) -> list[tuple[str, str, str]]:
    """[(name, place, text)] of all the code of an entry."""
    return [(name(obj), place(obj), text(obj)) for obj in e.code]


def check_text(e: Entry) -> str:
    """The function that checks an entry, without the decorator and the docstring that state it."""
    lines = text(e.check).splitlines()
    (function,) = ast.parse("\n".join(lines)).body
    assert isinstance(function, ast.FunctionDef)
    stated = inspect.getdoc(e.check) is not None
    head, body = function.lineno - 1, function.body[1 if stated else 0]
    return "\n".join([*lines[head : function.body[0].lineno - 1], *lines[body.lineno - 1 :]])
