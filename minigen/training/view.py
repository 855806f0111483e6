"""A layer as the rules of `schema` see it, and the walk from a model's leaves to its top."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minigen.core import tree
from minigen.training.archive import refused

Sizes = tuple[Any, Any]  # columns taken and given: an integer, or None for any number
ANY: Sizes = (None, None)
LARGE = 2**31
RULES: dict[str, Callable[["View"], Sizes]] = {}  # of the classes, by name


def sizes(node: Any, path: str) -> Sizes:
    """The columns a layer takes and gives, once its parts and its own rule are satisfied."""
    rule = named(node, RULES)
    if rule is not None:
        return rule(View(node, path))
    for f in dataclasses.fields(node):
        for key, part in tree.branches(getattr(node, f.name)).items():
            sizes(part, ".".join(filter(None, (path, f.name, key))))
    return ANY


class View:
    """A layer as its rule sees it: fields by name, parts by their sizes, refusals by path."""

    def __init__(self, node: Any, path: str) -> None:
        self.node, self.path = node, path

    def __getattr__(self, name: str) -> Any:
        return getattr(self.node, name)

    def place(self, name: str) -> str:
        """The path of a field."""
        return f"{self.path}.{name}".strip(".")

    def of(self, name: str) -> Any:
        """The sizes of a part; a list of them for a tuple of parts."""
        value = getattr(self.node, name)
        if isinstance(value, tuple):
            return [sizes(part, self.place(f"{name}.{k}")) for k, part in enumerate(value)]
        return sizes(value, self.place(name))

    def wants(self, good: Any, name: str, expected: object, found: object) -> None:
        """Refuse unless `good`."""
        if not bool(good):
            raise refused(self.place(name), expected, found)

    def shape(self, name: str, *shape: int | None) -> tuple[int, ...]:
        """The shape of an array, which must be this one, None standing for any size."""
        got = getattr(self.node, name).shape
        fits = len(got) == len(shape) and all(
            w in (None, g) for w, g in zip(shape, got, strict=True)
        )
        wanted = tuple("any" if n is None else n for n in shape)
        self.wants(fits, name, f"the shape {wanted}", got)
        return got

    def same(self, name: str, found: int | None, wanted: int | None) -> int | None:
        """One number of columns, of two of which either may be unknown."""
        if None not in (found, wanted):
            self.wants(found == wanted, name, f"{wanted} columns", found)
        return wanted if found is None else found

    def whole(self, name: str, low: int, high: int) -> None:
        """An array of integers in low..high."""
        a = getattr(self.node, name)
        good = a.dtype.kind in "iu" and (a.size == 0 or (a.min() >= low and a.max() <= high))
        self.wants(good, name, f"integers in {low}..{high}", f"{a.dtype} {a.ravel()[:4]}")

    def numbers(self, name: str) -> int:
        """How many numbers a picture of the shape in a field has."""
        shape = getattr(self.node, name)
        good = min(shape) > 0 and math.prod(shape) <= 2**24
        self.wants(good, name, "a picture of 1 to 2^24 numbers", shape)
        return math.prod(shape)

    def permutation(self, name: str, n: int) -> None:
        """An array with each of 0 .. n - 1 once."""
        self.shape(name, n)
        self.whole(name, 0, n - 1)
        order = np.sort(getattr(self.node, name))
        self.wants((order == np.arange(n)).all(), name, f"each of 0 .. {n - 1} once", "others")


def named(node: Any, table: Mapping[str, Any]) -> Any:
    """What a table has for the class of a node, or for one it is derived from; or None."""
    ours = (cls.__name__ for cls in type(node).__mro__ if cls.__module__.startswith("minigen."))
    return next((table[name] for name in ours if name in table), None)
