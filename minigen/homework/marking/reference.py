"""The right answers, and what the usual slips give instead.

A reference names the quantities on its way: `s = path("s", s)`, `h = path.through("tanh", r, h)`.
As a rule that changes nothing. A slip changes one of them: for derivatives in its imaginary part,
which is the derivative in a complex step, so "the path through s is missing" becomes a number to
compare a student's gradient with.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.homework.types import Draw, Outputs, Reference, Size
from minigen.homework.wall.inside import counting

H = 1e-100
GRADIENT_SLIPS = {
    "stop": "the path through {} is missing",
    "flip": "the path through {} has the wrong sign",
    "twice": "the path through {} is counted twice",
    "straight": "the derivative of {} is taken as 1",
    "turned": "the gradient through {} is transposed",
    "other way": "going back, {} is taken transposed, or is not where it should be",
    "averaged": "the path through {} is averaged over the batch instead of summed",
}
VALUE_SLIPS = {
    "negate": "{} has the wrong sign",
    "drop": "{} is missing",
    "unapplied": "{} is not applied",
    "double": "{} counts twice",
    "half": "{} counts half",
    "one": "{} is left out",
    "square": "{} is squared: is a root missing?",
    "root": "{} has a root too many: is a square missing?",
    "turned value": "{} is transposed",
    "mean": "{} is divided by its number of columns: a mean in place of a sum?",
}
OF_ONE = ("straight", "unapplied")  # slips at a function of one quantity
OF_PRODUCT = ("other way",)  # slips at a product with a square matrix


@dataclass(frozen=True)
class Path:
    """The quantities on the way of a reference, one of them changed by a slip."""

    name: str = ""
    slip: str = ""
    rows: int = 1
    seen: dict[str, str] | None = None

    def __call__(self, name: str, value: Any) -> Any:
        return self.through(name, None, value)

    def through(self, name: str, before: Any, value: Any) -> Any:
        """`value`, computed from `before`."""
        if self.seen is not None:
            self.seen[name] = "" if before is None else "one"
        return value if name != self.name else self._slipped(before, value)

    def product(self, name: str, x: Any, W: Any) -> Any:
        """x @ W, with a slip in how W leads back to x."""
        if self.seen is not None and W.shape[0] == W.shape[1]:
            self.seen[name] = "product"
        y = x @ W
        if name != self.name:
            return y
        return y.real + 1j * (x.imag @ W.real.T + x.real @ W.imag)

    def _slipped(self, before: Any, value: Any) -> Any:
        """What the slip makes of a quantity."""
        if self.slip in GRADIENT_SLIPS:
            before = value if before is None else before
            return value.real + 1j * _wrong_slope(self.slip, before.imag, value.imag, self.rows)
        return _wrong_value(self.slip, before, value)


def _wrong_slope(slip: str, before: NDArray, imag: NDArray, rows: int) -> NDArray:
    """The derivative of a quantity after a slip of the backward pass."""
    if slip == "straight":
        return before
    if slip == "turned":
        return imag.T if imag.ndim == 2 and imag.shape[0] == imag.shape[1] else imag
    return {"stop": 0, "flip": -1, "twice": 2, "averaged": 1 / rows}[slip] * imag


def _wrong_value(slip: str, before: Any, value: Any) -> Any:
    """A quantity after a slip of the forward pass."""
    if slip == "unapplied":
        return before
    if slip == "root":
        return np.sqrt(value)
    if slip in ("one", "square", "turned value"):
        return {"one": value**0, "square": value * value, "turned value": value.T}[slip]
    scale = {"negate": -1.0, "drop": 0.0, "double": 2.0, "half": 0.5}
    return scale[slip] * value if slip in scale else value / value.shape[-1]


@dataclass(frozen=True, eq=False)
class Case:
    """Inputs, what is given besides, and a cotangent for each output; compared by identity."""

    inputs: tuple
    given: tuple
    vs: tuple = ()

    @property
    def values(self) -> tuple:
        """The arguments of the function."""
        return self.inputs + self.given

    @property
    def rows(self) -> int:
        """N, the batch size; 0 where there is none."""
        first = np.asarray(self.inputs[0]) if self.inputs else np.zeros(())
        return len(first) if first.ndim else 0


def names(reference: Reference, case: Case) -> dict[str, str]:
    """{name: "one" for a function of one quantity, "product", or ""} of those on the way."""
    seen = {}
    run(reference, case, Path(seen=seen))
    return seen


def run(reference: Reference, case: Case, path: Path = Path()) -> Outputs:
    """The outputs of a reference."""
    with np.errstate(all="ignore"):
        outputs = reference(path, *(np.asarray(v) for v in case.values))
    return tuple(np.asarray(y) for y in outputs)


def work(function: Any, *values: Any) -> tuple[Any, float]:
    """(the result of a function of arrays, the multiply-adds it takes)."""
    Counted = counting.counting(np)
    with np.errstate(all="ignore"):
        result = function(*(np.asarray(v).view(Counted) if np.ndim(v) else v for v in values))
    return result, float(Counted.work)


@functools.lru_cache(maxsize=512)
def slopes(reference: Reference, case: Case, path: Path = Path()) -> list[list[NDArray]]:
    """J[k][i] (outputs, entries): the derivative of output k by each entry of input i."""
    points = [np.asarray(x).astype(np.complex128) for x in case.inputs]
    columns = []
    for z in points:
        flat, found = z.reshape(-1), []
        for at in range(z.size):
            flat[at] += 1j * H
            outputs = reference(path, *points, *case.given)
            found.append([np.imag(y).ravel() / H for y in outputs])
            flat[at] = flat[at].real
        columns.append([np.stack(rows, axis=1) for rows in zip(*found, strict=True)])
    return [list(of_output) for of_output in zip(*columns, strict=True)]


def along(reference: Reference, case: Case, i: int, u: NDArray, path: Path = Path()) -> float:
    """The slope of the loss (cotangent times outputs) along the direction u of input i."""
    points = [np.asarray(x, complex) for x in case.inputs]
    points[i] = points[i] + 1j * H * u
    outputs = reference(path, *points, *case.given)
    return sum(np.sum(v * np.imag(y)) / H for v, y in zip(case.vs, outputs, strict=True))


def gradients(reference: Reference, case: Case, path: Path = Path()) -> list[NDArray]:
    """The gradient by each input, summed over the outputs."""
    parts = [
        [(v.ravel() @ j).reshape(np.shape(x)) for j, x in zip(row, case.inputs, strict=True)]
        for v, row in zip(case.vs, slopes(reference, case, path), strict=True)
    ]
    return [np.sum(column, axis=0) for column in zip(*parts, strict=True)]


def cases(reference: Reference, draw: Draw, sizes: Sequence[Size],
          rng: np.random.Generator) -> list[Case]:  # fmt: skip
    """One case for each size, with cotangents of both signs and none near 0."""
    found = []
    for size in sizes:
        inputs, given = draw(rng, *size)
        inputs = tuple(np.asarray(x, float) for x in inputs)
        outputs = run(reference, Case(inputs, given))
        vs = (rng.choice([-1.0, 1.0], y.shape) * rng.uniform(0.5, 2.0, y.shape) for y in outputs)
        found.append(Case(inputs, given, tuple(map(np.asarray, vs))))
    return found


def largest_first(found: Iterable[Case]) -> list[Case]:
    """Cases with the largest first: they tell more about a mistake."""
    return sorted(found, key=lambda c: -sum(np.size(v) for v in c.values))
