"""The public objects of minigen: what the API pages show, and what names link to."""

import ast
import functools
import importlib
import inspect
import pathlib
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import minigen

PACKAGES = tuple(
    sorted(name for name in minigen.__all__ if inspect.ismodule(getattr(minigen, name)))
)


@dataclass(frozen=True)
class Public:
    """One name of an `__all__`."""

    package: str  # "minigen.flows"
    name: str
    thing: Any

    @property
    def path(self) -> str:
        """The name that users write."""
        return f"{self.package}.{self.name}"

    @property
    def kind(self) -> str:
        """The directive of autodoc for it."""
        if isinstance(self.thing, type):
            return "exception" if issubclass(self.thing, BaseException) else "class"
        return "function" if inspect.isroutine(self.thing) else "data"


@functools.cache
def objects() -> tuple[Public, ...]:
    """All public objects, once each: where a name is shown twice, in the package that has it."""
    found: dict[int, Public] = {}
    for package in PACKAGES:
        module = importlib.import_module(f"minigen.{package}")
        for name in module.__all__:
            thing = getattr(module, name)
            here = Public(module.__name__, name, thing)
            if getattr(thing, "__module__", "").startswith(f"{module.__name__}."):
                found[id(thing)] = here
            found.setdefault(id(thing), here)
    return tuple(sorted(found.values(), key=lambda o: o.path))


@functools.cache
def pages() -> dict[str, str]:
    """{path: name of its page}; names that differ in capitals alone get their kind."""
    names = {o.path: o.path.removeprefix("minigen.") for o in objects()}
    lower = Counter(name.lower() for name in names.values())
    kinds = {o.path: o.kind for o in objects()}
    return {
        path: name if lower[name.lower()] == 1 else f"{name}-{kinds[path]}"
        for path, name in names.items()
    }


@functools.cache
def aliases() -> dict[str, str]:
    """{every other way to write a public object: its path}."""
    known = {}
    for o in objects():
        module, name = getattr(o.thing, "__module__", ""), getattr(o.thing, "__qualname__", "")
        for other in (f"{module}.{name}", o.path.replace("minigen.", "mg.", 1)):
            known[other] = o.path
    for name in ("fit", "load", "save"):
        known[f"mg.{name}"] = known[f"minigen.{name}"] = f"minigen.training.{name}"
    return known


@functools.cache
def _docstrings(file: str) -> dict[str, tuple[str, int]]:
    """{qualified name: (docstring as written, its column)} of a file; "" is the module."""
    found = {}

    def below(node: Any, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                note(child, f"{prefix}{child.name}")
                below(child, f"{prefix}{child.name}.")

    def note(node: Any, name: str) -> None:
        if text := ast.get_docstring(node, clean=False):
            found[name] = text, node.body[0].col_offset

    tree = ast.parse(pathlib.Path(file).read_text(encoding="utf-8"))
    note(tree, "")
    below(tree, "")
    return found


def docstring(thing: Any) -> list[str] | None:
    """The lines of a docstring with the indents it was written with, or None.

    A block that stands alone below the first line would lose its indent otherwise.
    """
    thing = inspect.unwrap(getattr(thing, "fget", thing))
    try:
        file = inspect.getsourcefile(thing)
    except TypeError:
        return None
    name = "" if inspect.ismodule(thing) else getattr(thing, "__qualname__", "")
    if not (file and pathlib.Path(file).is_file()) or name not in (known := _docstrings(file)):
        return None
    text, column = known[name]
    first, *rest = text.expandtabs().splitlines()
    return [first.strip(), *(line[column:].rstrip() for line in rest), ""]


def comment(o: Public) -> str:
    """What is said of a constant behind its definition."""
    for path in sorted((pathlib.Path(minigen.__file__).parent / o.package[8:]).rglob("*.py")):
        line = re.search(rf"^{o.name} = .*# (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        if line:
            return f"{line[1][0].upper()}{line[1][1:]}."
    return ""
