"""Whatever holds numbers, as one plain array: the way in for everything that users pass.

Arrays of any byte order and width, lists, tables and series of pandas and polars, tensors. Rows
are positions; index labels of a table are not looked at.
"""

import numbers
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core.errors import InvalidInput, expected, wrong_type

REAL = "an array of real numbers"


def real_array(name: str, value: Any) -> NDArray:
    """`value` as a native NumPy array of integers, float32 or float64.

    Booleans become 0 and 1. Masked entries, text, dates, complex numbers and missing values are
    refused by their place.
    """
    if isinstance(value, np.ma.MaskedArray):
        value = _unmasked(name, value)
    out = _converted(name, value)
    if out.dtype.kind == "O":
        out = _from_objects(name, out, value)
    if out.dtype.kind == "b":
        return out.astype(np.int8)
    if out.dtype.kind in "US":
        hint = f"number the names with np.unique({name}, return_inverse=True)"
        raise wrong_type(name, REAL, f"dtype {out.dtype}; {hint}")
    if out.dtype.kind not in "iuf":
        raise wrong_type(name, REAL, f"dtype {out.dtype}")
    return _native(name, out)


def _converted(name: str, value: Any) -> NDArray:
    """What NumPy makes of it; a tensor is first freed of its gradient and brought to the CPU."""
    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu()
            value = value.float() if "bfloat16" in str(value.dtype) else value
        if hasattr(value, "collect") and not hasattr(value, "__array__"):
            raise wrong_type(name, REAL, f"{type(value).__name__}, not computed yet: .collect() it")
        types = getattr(value, "dtypes", None)
        if isinstance(types, list | tuple) and any(kind.is_temporal() for kind in types):
            raise wrong_type(name, REAL, f"a column of dates or times: {types}")  # of polars
        return np.asarray(value)
    except InvalidInput:
        raise
    except ValueError as error:
        raise expected(name, "an array", f"ragged rows ({error})") from None
    except Exception as error:  # every library has its own
        raise wrong_type(name, REAL, f"{type(value).__name__} ({error})") from None


def _unmasked(name: str, value: np.ma.MaskedArray) -> NDArray:
    mask = np.ma.getmaskarray(value)
    if mask.any():
        where = tuple(int(i) for i in np.argwhere(mask)[0])
        rows = len({int(i) for i in np.argwhere(mask)[:, 0]}) if where else 1
        got = f"a masked one at index {where} (rows with a masked entry: {rows})"
        raise expected(name, "no masked entries", got)
    return value.data


def _from_objects(name: str, objects: NDArray, value: Any) -> NDArray:
    """Python numbers as an array: a table with a column of booleans is an array of objects."""
    if objects.ndim == 0:
        raise wrong_type(name, REAL, type(value).__name__)
    kinds = {type(v) for v in objects.flat}
    if kinds and all(issubclass(kind, numbers.Integral | np.bool) for kind in kinds):
        try:
            return objects.astype(np.int64)
        except OverflowError:  # a float holds more
            pass
    if not all(issubclass(kind, numbers.Real | np.bool | Decimal) for kind in kinds):
        _refuse_object(name, objects, value)
    try:
        return objects.astype(np.float64)
    except OverflowError as error:
        raise expected(name, "numbers that fit into float64", error) from None


def _refuse_object(name: str, objects: NDArray, value: Any) -> None:
    """Name the first entry that is no number, and its column if the table has names."""
    for where, entry in np.ndenumerate(objects):
        if not isinstance(entry, numbers.Real | np.bool | Decimal):
            names = list(getattr(value, "columns", ()))
            there = len(where) == 2 and len(names) == objects.shape[1]
            column = f", column {str(names[where[1]])!r}" if there else ""
            missing = entry is None or type(entry).__name__ in ("NAType", "NaTType")
            if isinstance(entry, str) and objects.ndim == 1:
                column = f"; number the names with np.unique({name}, return_inverse=True)"
            what = "a missing value" if missing else repr(entry)
            raise wrong_type(name, REAL, f"{what} at index {where}{column}")


def _native(name: str, out: NDArray) -> NDArray:
    """In the machine's byte order; half precision as float32, what is longer than double as it."""
    if out.dtype.kind == "f" and out.dtype.itemsize not in (4, 8):
        wide = np.float32 if out.dtype.itemsize < 4 else np.float64
        with np.errstate(over="ignore"):  # infinity is refused by its place
            return out.astype(wide)
    return out if out.dtype.isnative else out.astype(out.dtype.newbyteorder("="))
