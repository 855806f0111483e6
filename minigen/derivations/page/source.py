"""The code that stands behind an equation: its name, its place, its text."""

import ast
import inspect
import pathlib
import textwrap

PACKAGE = pathlib.Path(__file__).resolve().parent.parent.parent


def name(obj):
    """AffineCoupling.inverse, or the name of a function."""
    return getattr(obj, "__qualname__", type(obj).__qualname__)


def definition(obj):
    """The function to be read: of a kernel its twin in NumPy, which is what it means."""
    return getattr(obj, "twin", None) or inspect.unwrap(obj)


def place(obj):
    """flows/coupling.py:95, from the package's folder; the bare file name outside of it."""
    obj = definition(obj)
    file = pathlib.Path(inspect.getsourcefile(obj)).resolve()
    inside = file.is_relative_to(PACKAGE)
    shown = file.relative_to(PACKAGE).as_posix() if inside else file.name
    return f"{shown}:{inspect.getsourcelines(obj)[1]}"


def text(obj):
    """The source as it stands, moved to the left margin."""
    return textwrap.dedent(inspect.getsource(definition(obj))).rstrip()


def listing(e):
    """[(name, place, text)] of all the code of an entry."""
    return [(name(obj), place(obj), text(obj)) for obj in e.code]


def check_text(e):
    """The function that checks an entry, without the decorator and the docstring that state it."""
    lines = text(e.check).splitlines()
    function = ast.parse("\n".join(lines)).body[0]
    stated = inspect.getdoc(e.check) is not None
    head, body = function.lineno - 1, function.body[1 if stated else 0]
    return "\n".join([*lines[head : function.body[0].lineno - 1], *lines[body.lineno - 1 :]])
