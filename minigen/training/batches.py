"""Where the batches of training come from: rows of arrays, or fresh samples."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Loss


def source(data: Any, batch: int, loss: Loss, rng: np.random.Generator) -> Callable[[], Any]:
    """A function without arguments that returns the next batch of `data`."""
    if is_sampler("data", data):
        return lambda: cast(checked(data.sample(batch, rng=rng), "a sample"), loss.data_dtype)
    rows = cast(checked(data), loss.data_dtype)
    loss.examine(rows)
    return shuffled(rows, batch, rng).__next__


def is_sampler(name: str, data: Any) -> bool:
    """Whether `data` gives fresh batches by `.sample(n, rng=)`; a table that has rows does not."""
    if not hasattr(data, "sample") or hasattr(data, "__array__"):
        return False
    if isinstance(data, type):
        raise validate.wrong_type(name, "an array or a sampler", f"the class {data.__name__}")
    if "rng" not in inspect.signature(data.sample).parameters:
        got = f"{type(data).__name__}, whose sample takes no rng"
        raise validate.wrong_type(name, "an array, or an object with .sample(n, rng=)", got)
    return True


def checked(data: Any, name: str = "data") -> Any:
    """`data` as an array, or a tuple of arrays with as many rows."""
    if not isinstance(data, tuple):
        data = validate.array(name, data)
        if data.ndim < 1 or not len(data):
            raise validate.expected(name, "at least one row", f"shape {data.shape}")
        return data
    parts = tuple(checked(part, f"{name}[{k}]") for k, part in enumerate(data))
    sizes = [len(part) for part in parts]
    if len(set(sizes)) != 1:
        raise validate.expected(name, "as many rows in each array", sizes)
    return parts


def cast(batch: Any, dtype: DTypeLike) -> Any:
    """Floating arrays in the model's dtype; integers (labels, pixels) as they are."""
    if isinstance(batch, tuple):
        return tuple(cast(part, dtype) for part in batch)
    return validate.cast("data", batch, dtype) if batch.dtype.kind == "f" else batch


def shuffled(data: Any, batch: int, rng: np.random.Generator) -> Iterator[Any]:
    """Yield batches endlessly, each epoch in a new order; a last short batch is left out."""
    n = len(data[0]) if isinstance(data, tuple) else len(data)
    batch = min(batch, n)
    while True:
        order = rng.permutation(n)
        for start in range(0, n - batch + 1, batch):
            yield take(data, order[start : start + batch])


def take(data: Any, rows: NDArray) -> Any:
    """The given rows of an array, or of each of a tuple of arrays."""
    if isinstance(data, tuple):
        return tuple(part[rows] for part in data)
    return np.ascontiguousarray(data[rows])
