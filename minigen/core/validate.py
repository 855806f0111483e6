"""One error style: the argument's name, what was expected, what came.

Public doors validate once, here; inside, nothing is validated again.
"""

import numbers

import numpy as np


def expected(name, what, got):
    """The ValueError every door raises."""
    return ValueError(f"{name}: expected {what}, got {got}")


def shaped(shape):
    """A shape for reading: (N, 2), with letters where any size will do."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def array(name, value, shape=None, dtype=None):
    """`value` as a finite real array; `shape` may have letters for free sizes: ("N", 2)."""
    try:
        out = np.asarray(value)
    except ValueError as error:
        raise expected(name, "an array", f"ragged rows ({error})") from None
    if out.dtype == bool or not np.issubdtype(out.dtype, np.number) or np.iscomplexobj(out):
        raise TypeError(f"{name}: expected an array of real numbers, got dtype {out.dtype}")
    if shape is not None and not fits(out.shape, shape):
        raise expected(name, f"shape {shaped(shape)}", shaped(out.shape))
    finite = np.isfinite(out)
    if not finite.all():
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise expected(name, "finite numbers", f"{out[where]} at index {where}")
    return out if dtype is None else out.astype(dtype, copy=False)


def fits(got, shape):
    """Whether the shape `got` fits: numbers match, a letter stands for one size everywhere."""
    sizes = {}
    return len(got) == len(shape) and all(
        n == (sizes.setdefault(s, n) if isinstance(s, str) else s)
        for n, s in zip(got, shape, strict=True)
    )


def rows(model, x, *context):
    """x (N, D) and context (N, C) of a model, finite and in the model's type."""
    x = array("x", x, ("N", model.features), model.dtype)
    if model.context == 0 and context:
        raise expected("context", "none (the model is not conditional)", f"{len(context)} given")
    if model.context and len(context) != 1:
        raise expected("context", f"an array of shape (N, {model.context})", "none")
    return x, *(array("context", c, (len(x), model.context), model.dtype) for c in context)


def integer(name, value, low, high=None):
    """`value` as an int in low..high."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    if value < low or (high is not None and value > high):
        what = f"an integer >= {low}" if high is None else f"an integer in {low}..{high}"
        raise expected(name, what, value)
    return int(value)


def number(name, value, low=-np.inf, high=np.inf):
    """`value` as a finite float with low <= value <= high."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    if not (np.isfinite(value) and low <= value <= high):
        raise expected(name, f"a number in [{low}, {high}]", value)
    return float(value)


def choice(name, value, options):
    """`value`, one of the names in `options`."""
    if value not in options:
        raise expected(name, f"one of {', '.join(map(str, options))}", repr(value))
    return value


def methods(name, value, *wanted):
    """`value`, an object with the wanted methods."""
    what, missing = " and ".join(wanted), [m for m in wanted if not hasattr(value, m)]
    if isinstance(value, type):
        raise TypeError(f"{name}: expected an object with {what}, got the class {value.__name__}")
    if missing:
        got = f"{type(value).__name__} without {' and '.join(missing)}"
        raise TypeError(f"{name}: expected an object with {what}, got {got}")
    return value


def widths(name, value):
    """A tuple of hidden widths, each a positive integer."""
    if isinstance(value, numbers.Integral):
        value = (value,)
    return tuple(integer(f"{name}[{k}]", n, 1) for k, n in enumerate(value))


def generator(rng):
    """A numpy Generator: the only source of randomness anywhere."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng: expected a numpy.random.Generator, got {rng!r}")
    return rng
