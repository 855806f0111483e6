"""Arguments are checked by their annotations: what a signature says is what a call is held to.

    @checked
    def toy(n: Count, scale: Positive = 1.0, *, rng: np.random.Generator) -> NDArray: ...

`toy(0, rng=rng)` raises `n: expected an integer >= 1, got 0`. The words for ranges are below;
`Annotated[NDArray, "N D"]` is an array with two axes, and a letter is one size in the whole call;
`Annotated[NDArray, "K", -np.inf]` may hold -inf, too, and "..." is any shape. A dataclass is
checked by `__post_init__ = fields`; every `Layer` is. `Annotated[ArrayLike, "N D"]` is whatever
holds numbers, and comes as an array (`validate.array`); a plain `ArrayLike` the function checks.
"""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import validate

T = TypeVar("T")
P = ParamSpec("P")
Check = Callable[[str, Any, dict[str, int]], Any]  # name, value, sizes of the letters -> value


@dataclass(frozen=True)
class Range:
    """The numbers low..high; `above` leaves out low itself."""

    low: float
    high: float = np.inf
    above: bool = False


MOST = 10**9  # no array here has more rows, columns or steps
Size = Annotated[int, Range(0, MOST)]
Count = Annotated[int, Range(1, MOST)]
Several = Annotated[int, Range(2, MOST)]
Steps = Annotated[int, Range(1, 10**6)]  # T, whose tables have an entry for each step
Whole = Annotated[int, Range(0)]  # a seed, of any size
NonNegative = Annotated[float, Range(0)]
Positive = Annotated[float, Range(0, above=True)]
Gain = Annotated[float, Range(0, 1e6)]  # of the variance of fresh weights
Bound = Annotated[float, Range(1e-6, 1e6)]  # of a log-scale or an interval: c, bound
Share = Annotated[float, Range(0, 1)]
Path = str | PathLike

CONTRACT = {  # what an object must have to stand for one of the contract's classes
    "Layer": ("forward", "backward"),
    "Bijection": ("forward", "backward", "inverse"),
    "Density": ("forward", "backward"),
    "Loss": ("draw", "forward", "backward"),
}


def checked(function: Callable[P, T]) -> Callable[P, T]:
    """A function whose arguments are checked by their annotations before it runs.

    A misspelt option is answered with the nearest name. The function receives what was checked:
    an int for any integer, a tuple for a list where a tuple is wanted.
    """
    parameters = inspect.signature(function).parameters
    places = [n for n, p in parameters.items() if p.kind == p.POSITIONAL_OR_KEYWORD]
    named = {n for n, p in parameters.items() if p.kind != p.VAR_POSITIONAL}
    placed = {n for n, p in parameters.items() if p.kind == p.VAR_POSITIONAL}
    anything = any(p.kind == p.VAR_KEYWORD for p in parameters.values())
    table: dict[str, Check] = {}
    ready = False

    @functools.wraps(function)
    def call(*args: P.args, **given: P.kwargs) -> T:
        nonlocal ready
        if not ready:
            table.update(_checks(function))
            ready = True
        sizes: dict[str, int] = {}
        values = list(args)
        for k, (name, value) in enumerate(zip(places, args, strict=False)):
            if name in table:
                values[k] = table[name](name, value, sizes)
        for name, value in given.items():
            if name not in named and not anything:
                raise validate.unknown_option(function.__qualname__, name, named, placed)
            if name in table:
                given[name] = table[name](name, value, sizes)
        return function(*values, **given)  # type: ignore[arg-type]

    return call


def fields(self: Any) -> None:
    """Check the fields of a dataclass by their annotations; to be its `__post_init__`."""
    sizes: dict[str, int] = {}
    for name, check in _checks(type(self)).items():
        value = getattr(self, name, None)
        kept = check(name, value, sizes)
        if kept is not value:
            object.__setattr__(self, name, kept)


@functools.cache
def _checks(owner: Any) -> dict[str, Check]:
    """{argument or field: its check}, for what has an annotation that says something."""
    try:
        hints = typing.get_type_hints(owner, include_extras=True)
    except (NameError, TypeError):  # a name that is imported for type checkers only
        own = inspect.get_annotations(owner)
        hints = {n: h for n, h in own.items() if not isinstance(h, str)}
    if isinstance(owner, type):
        hints = {n: h for n, h in hints.items() if n in getattr(owner, "__dataclass_fields__", {})}
    found = {n: _check(h) for n, h in hints.items() if n not in ("return", "self", "cls")}
    return {n: check for n, check in found.items() if check is not None}


def _check(hint: Any) -> Check | None:
    """The check of one annotation, or None where anything goes or the function looks itself."""
    if hint == DTypeLike:
        return lambda name, value, sizes: validate.floating(name, value)
    if hint is Any or isinstance(hint, TypeVar | str) or hint == ArrayLike:
        return None
    hint = meaning(hint)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _refined(args[0], args[1:])
    if origin is Literal:
        return lambda name, value, sizes: validate.choice(name, value, args)
    if origin in (typing.Union, types.UnionType):
        return _either(args)
    if origin in (tuple, list, Sequence, Iterable) or hint in (tuple, list, Sequence):
        return _several(hint, origin or hint, args)
    if origin is np.ndarray or hint is np.ndarray:
        return _array(None)
    return _one(origin or hint)


def meaning(hint: Any) -> Any:
    """What an annotation stands for: NDArray is a `type` statement since NumPy 2.5."""
    return getattr(typing.get_origin(hint) or hint, "__value__", hint)


def _refined(kind: Any, more: Sequence[Any]) -> Check | None:
    """Of Annotated: a range of numbers, or the axes of an array."""
    for item in more:
        if isinstance(item, Range) and kind is int:
            return functools.partial(_integer, item)
        if isinstance(item, Range):
            low, high, above = item.low, item.high, item.above
            return lambda name, value, sizes: validate.real(name, value, low, high, above)
        if isinstance(item, str):
            axes = () if item == "..." else tuple(item.split())
            return functools.partial(_data, axes) if kind == ArrayLike else _array(axes, more[1:])
    return _check(kind)


def _data(axes: Sequence[str], name: str, value: Any, sizes: dict[str, int]) -> NDArray:
    """Of Annotated[ArrayLike, ...]: whatever holds numbers, as an array."""
    value = validate.array(name, value)
    return _shaped(name, value, axes, sizes)


def _shaped(name: str, value: Any, axes: Sequence[str], sizes: dict[str, int]) -> NDArray:
    """An array with these axes; the sizes of their letters are kept."""
    shape = [sizes.get(a, a) for a in axes]
    if axes and not validate.fits(value.shape, shape):
        raise validate.expected(
            name, f"shape {validate.shaped(shape)}", validate.shaped(value.shape)
        )
    sizes.update(zip(axes, value.shape, strict=False))
    return value


def _integer(limits: Range, name: str, value: Any, sizes: dict[str, int]) -> int:
    value = validate.integer(name, value, int(limits.low))
    if value > limits.high:
        raise validate.expected(name, f"an integer <= {limits.high}", validate.shown(value))
    return value


def _either(options: Sequence[Any]) -> Check | None:
    """Of a union: the first of its parts that takes the value."""
    if all(part in options for part in typing.get_args(ArrayLike) or (ArrayLike,)):
        return None  # an ArrayLike | None, whether NumPy has it as a union or by a name
    if str in options and any(getattr(o, "__origin__", o) is PathLike for o in options):
        return functools.partial(_path, types.NoneType in options)
    parts = [_check(o) for o in options if o not in (types.NoneType, None)]
    optional = types.NoneType in options
    if None in parts:
        return None

    def check(name: str, value: Any, sizes: dict[str, int]) -> Any:
        if value is None and optional:
            return None
        errors = []
        for part in parts:
            try:
                return part(name, value, sizes)  # type: ignore[misc]
            except validate.InvalidInput as error:
                errors.append(error)
        raise _joined(name, errors, "None" if optional else "")

    return check


def _path(optional: bool, name: str, value: Any, sizes: dict[str, int]) -> Any:
    """Of a path: a text or a path that can name a file."""
    if value is None and optional:
        return None
    if not isinstance(value, str | PathLike):
        raise validate.wrong_type(name, "a path", validate.shown(value))
    if not str(value) or "\0" in str(value):
        raise validate.expected(name, "the path of a file", validate.shown(value))
    return value


def _joined(name: str, errors: Sequence[Exception], also: str) -> Exception:
    """One error of several: what each expected, and what came."""
    if len(errors) == 1 and isinstance(errors[0], validate.InvalidValue):
        return errors[0]
    tail = "got " + str(errors[0]).split(", got ", 1)[-1]
    wanted = [str(e).split(": expected ", 1)[-1].rsplit(", got ", 1)[0] for e in errors]
    what = " or ".join(dict.fromkeys([*wanted, also] if also else wanted))
    kinds = [e for e in errors if isinstance(e, validate.InvalidValue)]
    return type(kinds[0] if kinds else errors[0])(f"{name}: expected {what}, {tail}")


def _several(hint: Any, origin: Any, args: Sequence[Any]) -> Check | None:
    """Of a tuple, a list or a sequence: each of its items."""
    each = _check(args[0]) if args and (len(args) == 1 or args[1] is Ellipsis) else None
    if origin is Iterable and each is None:
        return None
    fixed = len(args) if origin is tuple and args and Ellipsis not in args else 0

    def check(name: str, value: Any, sizes: dict[str, int]) -> Any:
        letters = isinstance(value, str) and args[:1] == (str,)  # a text is a list of letters
        if (isinstance(value, str | bytes | Mapping) and not letters) or not isinstance(
            value, Iterable
        ):
            raise validate.wrong_type(name, "a list", validate.shown(value))
        if isinstance(value, np.ndarray) and value.ndim == 0:
            raise validate.wrong_type(name, "a list", validate.shown(value))
        items = tuple(value) if origin is tuple or not isinstance(value, Sequence) else value
        if fixed and len(items) != fixed:
            raise validate.expected(name, f"{fixed} items", f"{len(items)}")
        if each is not None:
            kept = [each(f"{name}[{k}]", item, sizes) for k, item in enumerate(items)]
            return tuple(kept) if isinstance(items, tuple) else items
        return items

    return check


def _array(axes: Sequence[str] | None, also: Sequence[float] = ()) -> Check:
    """Of an array: numbers, and with axes (none for any) finite or of those in `also`."""

    def check(name: str, value: Any, sizes: dict[str, int]) -> Any:
        if not isinstance(value, (np.ndarray, np.generic)):
            raise validate.wrong_type(name, "a NumPy array", validate.shown(value))
        if value.dtype.kind not in "biufc":
            raise validate.wrong_type(name, "an array of numbers", f"dtype {value.dtype}")
        if axes is None:
            return value
        _shaped(name, value, axes, sizes)
        if value.dtype.kind in "fc" and not np.isfinite(value).all():
            bad = ~np.isfinite(value) & ~np.isin(value, also)
            validate.refuse(name, np.asarray(value), bad, "finite numbers")
        return value

    return check


def _one(kind: Any) -> Check | None:
    """Of one class."""
    if kind is int:
        return lambda name, value, sizes: validate.integer(name, value)
    if kind is float:
        return lambda name, value, sizes: validate.real(name, value)
    if kind is np.random.Generator:
        return lambda name, value, sizes: validate.generator(value, name)
    if kind is Callable:
        return _callable
    if not isinstance(kind, type) or getattr(kind, "_is_protocol", False) or kind is object:
        return None
    wanted = [CONTRACT[c.__name__] for c in kind.__mro__ if c.__module__ == "minigen.core.contract"]

    def check(name: str, value: Any, sizes: dict[str, int]) -> Any:
        if wanted and not isinstance(value, kind):  # a layer of one's own may stand in its place
            part = _part(value)
            if part not in ("", kind.__name__):
                raise validate.wrong_type(
                    name, f"a {kind.__name__}", f"{type(value).__name__}, a {part}"
                )
            return validate.methods(name, value, *wanted[0])
        return validate.instance(name, value, kind)

    return check


def _part(value: Any) -> str:
    """Which part of the contract an object is: "Bijection", "Density", "Loss", or ""."""
    names = (c.__name__ for c in type(value).__mro__ if c.__module__ == "minigen.core.contract")
    return next((name for name in names if name in CONTRACT and name != "Layer"), "")


def _callable(name: str, value: Any, sizes: dict[str, int]) -> Any:
    if not callable(value):
        raise validate.wrong_type(name, "a function", validate.shown(value))
    return value
