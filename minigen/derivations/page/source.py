"""The code that stands behind an equation: its name, its place, its text, its colours."""

import ast
import inspect
import pathlib
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from pygments import highlight
from pygments.filter import simplefilter
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from pygments.token import Comment, Keyword, Literal, Operator, Text

from minigen.derivations.equation import Entry

PACKAGE = pathlib.Path(__file__).resolve().parent.parent.parent


@simplefilter
def _coloured(self: Any, lexer: Any, stream: Iterable, options: Any) -> Iterator[tuple[Any, str]]:
    """Keywords, strings, numbers and comments; the rest is plain text, which keeps a page small."""
    kinds = (Keyword, Literal, Comment, Operator.Word)
    for token, text in stream:
        yield (token if any(token in kind for kind in kinds) else Text), text


PYTHON = PythonLexer(filters=[_coloured()])


def coloured(text: str) -> str:
    """Python as HTML."""
    return highlight(text, PYTHON, HtmlFormatter(nowrap=True)).rstrip()


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
    inside = file.is_relative_to(PACKAGE) and file.suffix == ".py"
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
    if isinstance(written := getattr(e.check, "text", None), str):  # of notes in Markdown
        return written
    lines = text(e.check).splitlines()
    (function,) = ast.parse("\n".join(lines)).body
    assert isinstance(function, ast.FunctionDef)
    stated = inspect.getdoc(e.check) is not None
    head, body = function.lineno - 1, function.body[1 if stated else 0]
    return "\n".join([*lines[head : function.body[0].lineno - 1], *lines[body.lineno - 1 :]])
