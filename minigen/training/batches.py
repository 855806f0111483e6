"""Where the batches of training come from: rows of arrays, or fresh samples."""

import inspect
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Loss


def source(data: Any, batch: int, loss: Loss, rng: np.random.Generator) -> "Fresh | Shuffled":
    """A function without arguments that returns the next batch of `data`."""
    if is_sampler("data", data):
        return Fresh(data, batch, loss.data_dtype, rng)
    rows = checked(data)
    loss.examine(rows)
    return Shuffled(cast(loss.prepared(rows), loss.data_dtype), batch, rng)


class Fresh:
    """New samples in each batch."""

    kept = ()  # what it has to remember is in the generator

    def __init__(self, data: Any, batch: int, dtype: DTypeLike, rng: np.random.Generator) -> None:
        self.data, self.batch, self.dtype, self.rng = data, batch, dtype, rng

    def __call__(self) -> Any:
        return cast(self.data.sample(self.batch, rng=self.rng), self.dtype)


class Shuffled:
    """Batches of rows without end, each epoch in a new order; a last short batch is left out.

    The order itself is not kept: it follows from the generator `before` it was drawn.
    """

    kept = ("at", "before")

    def __init__(self, data: Any, batch: int, rng: np.random.Generator) -> None:
        self.data, self.rng = data, rng
        self.n = len(data[0]) if isinstance(data, tuple) else len(data)
        self.batch = min(batch, self.n)
        self.at, self.before = self.n, rng.bit_generator.state
        self.order: NDArray | None = None

    def __call__(self) -> Any:
        if self.at + self.batch > self.n:
            self.at, self.before, self.order = 0, self.rng.bit_generator.state, None
            self.order = self.rng.permutation(self.n)
        if self.order is None:  # of a run that goes on
            self.order = twin(self.rng, self.before).permutation(self.n)
        start, self.at = self.at, self.at + self.batch
        return take(self.data, self.order[start : self.at])


def twin(rng: np.random.Generator, state: Any) -> np.random.Generator:
    """Another generator of the same kind, in a given state."""
    bits = type(rng.bit_generator)()
    bits.state = state
    return np.random.Generator(bits)


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
    batch = validate.array("data", batch)
    return validate.cast("data", batch, dtype) if batch.dtype.kind == "f" else batch


def some(data: Any, most: int, rng: np.random.Generator) -> Any:
    """All rows of some data, or `most` of them, drawn and in their old order."""
    n = len(data[0]) if isinstance(data, tuple) else len(data)
    return data if n <= most else take(data, np.sort(rng.choice(n, most, replace=False)))


def take(data: Any, rows: NDArray) -> Any:
    """The given rows of an array, or of each of a tuple of arrays."""
    if isinstance(data, tuple):
        return tuple(part[rows] for part in data)
    return np.ascontiguousarray(data[rows])
