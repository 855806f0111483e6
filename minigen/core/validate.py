"""One error style: the argument's name, what was expected, what was given.

Public functions validate once, here; inside, nothing is validated again.
"""

import contextlib
import difflib
import functools
import inspect
import numbers
import warnings
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core.arrays import real_array
from minigen.core.errors import InvalidInput as InvalidInput  # their usual place
from minigen.core.errors import InvalidType as InvalidType
from minigen.core.errors import InvalidValue as InvalidValue
from minigen.core.errors import expected as expected
from minigen.core.errors import wrong_type as wrong_type

T = TypeVar("T")
P = ParamSpec("P")


def options(function: Callable[P, T]) -> Callable[P, T]:
    """A function with many options that answers a misspelt one with the nearest name."""
    names = inspect.signature(function).parameters

    @functools.wraps(function)
    def call(*args: P.args, **given: P.kwargs) -> T:
        for name in given:
            if name not in names:
                raise unknown_option(function.__qualname__, name, names)
        return function(*args, **given)

    return call


def unknown_option(
    function: str, name: str, names: Iterable[str], placed: Collection[str] = ()
) -> InvalidType:
    """The error for an option that a function does not have; it names the nearest one.

    placed: what is given by its place alone, as `*context` is.
    """
    if name in placed:
        return InvalidType(f"{function}(): {name} is given by its place, without {name}=")
    near = difflib.get_close_matches(name, names, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return InvalidType(f"{function}() has no option {name!r}{hint}")


def shown(value: object) -> str:
    """A value for a message, in a few words: the shape of an array, the start of a long repr."""
    if isinstance(value, np.ndarray) and value.size > 4:
        return f"an array of shape {shaped(value.shape)}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def shaped(shape: Sequence[int | str]) -> str:
    """A shape for reading: (N, 2), with letters where any size will do."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def array(
    name: str,
    value: ArrayLike,
    shape: Sequence[int | str] | None = None,
    dtype: DTypeLike | None = None,
) -> NDArray:
    """`value` as a finite real array; `shape` may have letters for free sizes: ("N", 2)."""
    out = real_array(name, value)
    if shape is not None and not fits(out.shape, shape):
        raise expected(name, f"shape {shaped(shape)}", shaped(out.shape))
    finite = np.isfinite(out)
    if not finite.all():
        refuse(name, out, ~finite, "finite numbers")
    return out if dtype is None else cast(name, out, dtype)


def cast(name: str, value: NDArray, dtype: DTypeLike) -> NDArray:
    """`value` in another type; a number that is infinite there is refused by its index."""
    with np.errstate(over="ignore"):
        out = value.astype(dtype, copy=False)
    if out is not value and out.itemsize < value.itemsize and out.dtype.kind == "f":
        refuse(name, value, ~np.isfinite(out), f"numbers that fit into {out.dtype}")
    return out


def integers(
    name: str,
    value: ArrayLike,
    low: int,
    high: int,
    shape: Sequence[int | str] | None = None,
) -> NDArray:
    """`value` as an integer array with every entry a whole number in low..high."""
    out = array(name, value, shape)
    good = whole(out, low, high)
    shown = out if good.all() or out[~good][0] % 1 else np.trunc(out).astype(np.int64)
    refuse(name, shown, ~good, f"whole numbers in {low}..{high}")
    return out.astype(np.int64, copy=False)


def whole(x: NDArray, low: int, high: int) -> NDArray:
    """Which entries are whole numbers in low..high."""
    return (x == np.round(x)) & (x >= low) & (x <= high)


def refuse(name: str, value: NDArray, bad: NDArray, what: str) -> None:
    """Raise for the first entry of `value` at which the mask `bad` is true."""
    if np.any(bad):
        where = first(bad)
        raise expected(name, what, f"{value[where]} at index {where}" if where else value)


def first(bad: NDArray) -> tuple[int, ...]:
    """The index of the first true entry."""
    return tuple(int(i) for i in np.argwhere(bad)[0])


def fits(got: Sequence[int], shape: Sequence[int | str]) -> bool:
    """Whether the shape `got` fits: numbers match, a letter stands for one size everywhere."""
    sizes: dict[str, int] = {}
    return len(got) == len(shape) and all(
        n == (sizes.setdefault(s, n) if isinstance(s, str) else s)
        for n, s in zip(got, shape, strict=True)
    )


def rows(
    model: Any, x: ArrayLike, *context: ArrayLike, dtype: DTypeLike | None = None
) -> tuple[NDArray, ...]:
    """x (N, D) and context (N, C) of a model, finite; x in `dtype` or the type of its data."""
    x = array("x", x, ("N", model.features), model.data_dtype if dtype is None else dtype)
    return x, *conditions(model, len(x), *context)


def conditions(model: Any, n: int, *context: ArrayLike) -> tuple[NDArray, ...]:
    """The context (n, C) of a conditional model in its type, as a tuple of one; else ()."""
    if model.context == 0 and context:
        raise expected("context", "none (the model is not conditional)", "an array")
    if model.context and len(context) != 1:
        got = f"{len(context)} arrays" if context else "none"
        raise expected("context", f"an array of shape (N, {model.context})", got)
    return tuple(array("context", c, (n, model.context), model.dtype) for c in context)


def definite(name: str, value: NDArray) -> NDArray:
    """`value`, a symmetric matrix that has a Cholesky factor."""
    if not np.allclose(value, value.T, rtol=1e-10):
        raise expected(name, "a symmetric matrix", "one that is not")
    try:
        np.linalg.cholesky(value)
    except np.linalg.LinAlgError:
        got = f"lowest eigenvalue {np.linalg.eigvalsh(value)[0]:.3g}"
        raise expected(name, "a positive definite matrix", got) from None
    return value


def semidefinite(name: str, value: ArrayLike) -> NDArray:
    """`value` as covariance matrices (..., D, D) in float64: symmetric, no eigenvalue below 0."""
    S = array(name, value, dtype=np.float64)
    refuse(name, S, np.abs(S) > 1e100, "numbers below 1e100")
    if S.ndim < 2 or S.shape[-1] != S.shape[-2]:
        raise expected(name, "square matrices", f"shape {shaped(S.shape)}")
    if not np.allclose(S, np.swapaxes(S, -1, -2), rtol=1e-10):
        raise expected(name, "a symmetric matrix", "one that is not")
    lowest = np.linalg.eigvalsh(S).min(initial=0.0)
    if lowest < -1e-10 * np.abs(S).max(initial=0.0):
        raise expected(name, "no eigenvalue below 0", f"{lowest:.3g}")
    return S


def integer(name: str, value: Any, low: int | None = None, high: int | None = None) -> int:
    """`value` as an int in low..high."""
    if low is None:
        what = "an integer"
    else:
        what = f"an integer >= {low}" if high is None else f"an integer in {low}..{high}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise wrong_type(name, "an integer", shown(value))
    value = int(value)
    if (low is not None and value < low) or (high is not None and value > high):
        raise expected(name, what, shown(value))
    return value


def optional_integer(name: str, value: Any, low: int) -> int | None:
    """None, or an integer >= low."""
    return None if value is None else integer(name, value, low)


def number(
    name: str, value: Any, low: float = -np.inf, high: float = np.inf, above: bool = False
) -> float:
    """`value` as a finite float with low <= value <= high, or low < value where `above`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise wrong_type(name, "a number", shown(value))
    limited = (low, high) != (-np.inf, np.inf)
    what = f"a number in {'(' if above else '['}{low}, {high}]" if limited else "a finite number"
    try:
        out = float(value)
    except OverflowError:
        raise expected(name, what, shown(value)) from None
    if not (np.isfinite(out) and low <= out <= high) or (above and out == low):
        raise expected(name, what, out)
    return out


def real(name: str, value: Any, *limits: Any) -> float:
    """As `number`; an int stays one."""
    out = number(name, value, *limits)
    return value if isinstance(value, int) else out


def choice(name: str, value: T, options: Collection) -> T:
    """`value`, one of the names in `options`."""
    if not any(isinstance(value, type(option)) and value == option for option in options):
        raise expected(name, f"one of {', '.join(map(str, options))}", shown(value))
    return value


def instance(name: str, value: T, kind: type) -> T:
    """`value`, an object of a class."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        what = {str: "a string", bool: "True or False"}.get(kind, f"a {kind.__name__}")
        raise wrong_type(name, what, shown(value))
    return value


def methods(name: str, value: T, *wanted: str) -> T:
    """`value`, an object with the wanted methods."""
    what, missing = " and ".join(wanted), [m for m in wanted if not hasattr(value, m)]
    if isinstance(value, type):
        raise wrong_type(name, f"an object with {what}", shown(value))
    if missing:
        got = f"{type(value).__name__} without {' and '.join(missing)}"
        raise wrong_type(name, f"an object with {what}", got)
    return value


def maps(name: str, value: Sequence[Any], features: int) -> None:
    """Maps of rows of data, one after the other: each is tried on one row."""
    x = np.full((1, features), 0.5)
    for k, f in enumerate(value):
        what = f"a map of {features} columns"
        methods(f"{name}[{k}]", f, "forward", "backward", "inverse")
        try:
            with np.errstate(all="ignore"):
                y = np.asarray(f.forward(x)[0])
        except Exception as error:  # it may be anybody's
            got = f"{type(f).__name__}, which fails on such a row ({error})"
            raise expected(f"{name}[{k}]", what, got) from None
        if y.shape != x.shape:
            got = f"{type(f).__name__}, which makes a row {shaped(y.shape)} of it"
            raise expected(f"{name}[{k}]", what, got)
        x = np.where(np.isfinite(y), y, 0.5)


def floating(name: str, value: DTypeLike) -> np.dtype:
    """`value` as float32 or float64."""
    try:
        dtype = np.dtype(value)
    except (TypeError, ValueError):
        raise wrong_type(name, "float32 or float64", shown(value)) from None
    if value is None or dtype.kind != "f" or dtype.itemsize not in (4, 8):
        raise wrong_type(name, "float32 or float64", None if value is None else dtype)
    return dtype


def inexact(name: str, value: DTypeLike) -> np.dtype:
    """`value` as float32, float64, complex64 or complex128."""
    with contextlib.suppress(TypeError, ValueError):
        dtype = np.dtype(value)
        if value is not None and dtype in (np.float32, np.float64, np.complex64, np.complex128):
            return dtype.newbyteorder("=")
    raise wrong_type(name, "float32, float64, complex64 or complex128", shown(value))


def widths(name: str, value: int | Sequence[int]) -> tuple[int, ...]:
    """A tuple of positive integers, from one or several."""
    if not isinstance(value, Sequence):
        return (_width(name, value),)
    return tuple(_width(f"{name}[{k}]", n) for k, n in enumerate(value))


def _width(name: str, value: Any) -> int:
    if integer(name, value, 1) > 10**6:
        raise expected(name, "an integer <= 1000000", value)
    return int(value)


def generator(rng: Any, name: str = "rng") -> np.random.Generator:
    """A numpy Generator: the only source of randomness anywhere."""
    if not isinstance(rng, np.random.Generator):
        raise wrong_type(name, "a numpy.random.Generator", shown(rng))
    return rng


def refuse_outside(name: str, x: NDArray, good: NDArray) -> None:
    """Refuse the first row that is outside the support of a model."""
    if not good.all():
        row = int(np.argmin(good))
        what = "rows inside the support (of the Logit, the logarithm, the levels)"
        raise expected(name, what, f"{x[row].tolist()} in row {row}")


ITSELF = "give the model init_from=x, so that it standardises the data itself"


def warn_of_scale(
    name: str, x: NDArray, z: NDArray, remedy: str = ITSELF, narrow: bool = True
) -> None:  # fmt: skip
    """Warn when a column of z, which a model makes of the data x, is far from unit scale.

    The columns of z may be in another order than those of x, or mixed: the one that is named is
    far from unit scale itself, in the same way. Where only z has one, the maps before it say why.
    narrow: whether a column that hardly varies is far, too.
    """
    for far in (_wide, _narrow)[: 1 + narrow]:
        made, own = far(z), far(x)
        if not made.any() or (far is _narrow and not own.any()):
            continue  # narrow in z alone: columns of x that nearly add up
        k = int(np.argmax(own if own.any() else made))
        what, column = (f"column {k}", x[:, k]) if own.any() else (f"latent column {k}", z[:, k])
        mean, std = column.mean(dtype=np.float64), column.std(dtype=np.float64)
        warnings.warn(
            f"{name}: {what} has mean {mean:.6g} and standard deviation "
            f"{std:.3g}, which is far from unit scale; {remedy}",
            stacklevel=4,
        )
        return


def _wide(x: NDArray) -> NDArray:
    """Which columns have a mean or a standard deviation far above 1."""
    mean, std = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    return (np.abs(mean) > 10) | (std > 10)


def _narrow(x: NDArray) -> NDArray:
    """Which columns have a standard deviation far below 1."""
    std = x.std(axis=0, dtype=np.float64)
    return (std < 0.1) & (std > 0)
