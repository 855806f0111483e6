"""What the classes of layers allow in their fields: types, ranges, and shapes that fit together.

A constructor is called by code that knows what it does; a file may say anything. So a model that is
read is walked from its leaves to its top. Each rule below says how many columns a layer takes and
gives, (None for any), and refuses fields, arrays and parts that do not fit one another.
"""

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np

from minigen.core import tree
from minigen.core.signature import meaning
from minigen.training import picture_rules, rules  # noqa: F401  (they fill the table RULES)
from minigen.training.archive import refused
from minigen.training.view import LARGE, Sizes, sizes

PARTS = ("Schedule", "Units", "Uniform", "Antithetic", "Importance")  # dataclasses, no layers

KINDS = ("eps", "x0", "v", "mu", "score", "velocity", "xt")
WORDS = {  # of the fields that are words
    "predict": KINDS[:6],
    "given": KINDS,
    "wanted": KINDS,
    "kind": (*KINDS, "wave", "split", "step"),
    "variance": ("beta", "beta_tilde", "learned", "free", "share"),
}
RANGES: dict[str, tuple[float, float]] = {  # of the fields that are numbers
    "features": (1, 2**24), "d": (1, 2**24), "context": (0, 2**24), "parts": (1, 2**24),
    "levels": (0, LARGE), "classes": (0, 2**24), "T": (1, 2**24), "bins": (1e-300, LARGE),
    "c": (1e-6, 1e6), "bound": (1e-6, 1e6), "eps": (0, 1e6), "low": (0, 0.499999),
    "dropped": (0, 1), "first": (1e-300, 1e6), "scale": (-1e6, 1e6),
}  # fmt: skip
NEGATIVE_INFINITY = ("logits", "start", "logw")  # logs of probabilities, which may be 0


def check_fields(cls: type, fields: Mapping[str, Any], place: str) -> None:
    """Refuse a field whose type is not the annotated one, or whose value is out of its range."""
    hints = annotations(cls)
    ours = cls.__module__.startswith("minigen.")
    for name, value in fields.items():
        where = f"{place}.{name}" if place != "model" else name
        if not accepts(hints[name], value):
            what = getattr(hints[name], "__name__", hints[name])
            raise refused(where, f"{what}", f"{type(value).__name__} {value!r:.80}")
        if isinstance(value, np.ndarray):
            good = np.isfinite(value)
            if ours and name in NEGATIVE_INFINITY:
                good |= np.isneginf(value)
            if not good.all():
                place_of = tuple(map(int, np.argwhere(~good)[0]))
                raise refused(where, "finite numbers", f"{value[place_of]} at index {place_of}")
        elif isinstance(value, str) and ours and value not in WORDS.get(name, (value,)):
            raise refused(where, f"one of {', '.join(WORDS[name])}", repr(value))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            low, high = RANGES.get(name, (-np.inf, np.inf)) if ours else (-np.inf, np.inf)
            if not (np.isfinite(float(value)) and low <= value <= high):
                raise refused(where, f"a number in [{low:g}, {high:g}]", value)


@functools.cache
def annotations(cls: type) -> dict[str, Any]:
    """The type of each field; a name that cannot be looked up stays a name."""
    try:
        return typing.get_type_hints(cls)
    except NameError:
        return {f.name: f.type for f in dataclasses.fields(cls)}


def accepts(kind: Any, value: Any) -> bool:
    """Whether a value is of an annotated type; a number is no bool, and an integer is a float."""
    kind = meaning(kind)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return True
    if origin is typing.Annotated:
        return accepts(args[0], value)
    if isinstance(kind, str):
        return kind in (type(value).__name__, "Any") or (kind, type(value)) == ("float", int)
    if kind is float:
        return type(value) in (int, float)
    if kind in (int, bool, str, None, type(None)):
        return type(value) is (type(None) if kind is None else kind)
    if origin is typing.Literal:
        return any(type(value) is type(arg) and value == arg for arg in args)
    if origin in (typing.Union, types.UnionType):
        return any(accepts(k, value) for k in args)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if len(args) == 2 and args[1] is Ellipsis:
            return all(accepts(args[0], v) for v in value)
        return len(args) == len(value) and all(map(accepts, args, value))
    if origin is np.ndarray:
        return isinstance(value, np.ndarray)
    if getattr(kind, "_is_protocol", False):
        return dataclasses.is_dataclass(value)
    return isinstance(value, kind if isinstance(kind, type) else origin or object)


def check(model: Any) -> Sizes:
    """Refuse a model whose parts do not fit one another; the columns it takes and gives."""
    floating = {}
    for path, (f, array) in tree.arrays(model).items():
        if array.dtype.kind == "f" and array.dtype.itemsize < 4:
            raise refused(path, "float32 or float64", array.dtype)
        if f.metadata.get("kind") == "param":
            if array.dtype.kind != "f":
                raise refused(path, "floating numbers", array.dtype)
            floating.setdefault(array.dtype, path)
    if len(floating) > 1:
        got = " and ".join(f"{dtype} at {path}" for dtype, path in floating.items())
        raise refused("model", "parameters of one type", got)
    return sizes(model, "")
