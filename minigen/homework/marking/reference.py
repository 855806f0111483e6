"""The right answers, and what the usual slips give instead.

A reference names the quantities on its way: `s = path("s", s)`, `h = path.through("tanh", r, h)`.
As a rule that changes nothing. A slip changes one of them: for derivatives in its imaginary part,
which is the derivative in a complex step, so "the path through s is missing" becomes a number to
compare a student's gradient with.
"""

import functools
from dataclasses import dataclass

import numpy as np

H = 1e-100
GRADIENT_SLIPS = {
    "stop": "the path through {} is missing",
    "flip": "the path through {} has the wrong sign",
    "twice": "the path through {} is counted twice",
    "straight": "the derivative of {} is taken as 1",
    "turned": "the gradient through {} is transposed",
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


@dataclass(frozen=True)
class Path:
    """The quantities on the way of a reference, one of them changed by a slip."""

    name: str = ""
    slip: str = ""
    rows: int = 1
    seen: dict | None = None

    def __call__(self, name, value):
        return self.through(name, None, value)

    def through(self, name, before, value):
        """`value`, computed from `before`."""
        if self.seen is not None:
            self.seen[name] = before is not None
        return value if name != self.name else self.slipped(before, value)

    def slipped(self, before, value):
        """What the slip makes of a quantity."""
        if self.slip in GRADIENT_SLIPS:
            before = value if before is None else before
            return value.real + 1j * moved(self.slip, before.imag, value.imag, self.rows)
        return changed(self.slip, before, value)


def moved(slip, before, imag, rows):
    """The derivative of a quantity after a slip of the backward pass."""
    if slip == "straight":
        return before
    if slip == "turned":
        return imag.T if imag.ndim == 2 and imag.shape[0] == imag.shape[1] else imag
    return {"stop": 0, "flip": -1, "twice": 2, "averaged": 1 / rows}[slip] * imag


def changed(slip, before, value):
    """A quantity after a slip of the forward pass."""
    if slip == "unapplied":
        return before
    if slip == "root":
        return np.sqrt(value)
    if slip in ("one", "square", "turned value"):
        return {"one": value**0, "square": value * value, "turned value": value.T}[slip]
    scale = {"negate": -1.0, "drop": 0.0, "double": 2.0, "half": 0.5}
    return scale[slip] * value if slip in scale else value / value.shape[-1]


def names(reference, case):
    """{name: whether it is a function of one quantity} of the quantities on the way."""
    seen = {}
    run(reference, case, Path(seen=seen))
    return seen


@dataclass(frozen=True, eq=False)
class Case:
    """Inputs and what is given besides; `rows` is N. Cases are compared by identity."""

    inputs: tuple
    given: tuple
    vs: tuple = ()

    @property
    def values(self):
        return self.inputs + self.given

    @property
    def rows(self):
        first = np.asarray(self.inputs[0]) if self.inputs else np.zeros(())
        return len(first) if first.ndim else 0


def run(reference, case, path=Path()):
    """The outputs of a reference, a tuple of arrays."""
    with np.errstate(all="ignore"):
        outputs = reference(path, *(np.asarray(v) for v in case.values))
    return tuple(np.asarray(y) for y in outputs)


@functools.lru_cache(maxsize=4096)
def slopes(reference, case, path=Path()):
    """J[k][i] (outputs, entries): the derivative of output k by each entry of input i."""
    points = [np.asarray(x).astype(np.complex128) for x in case.inputs]
    columns = []
    for z in points:
        flat, found = z.reshape(-1), []
        for at in range(z.size):
            flat[at] += 1j * H
            outputs = reference(path, *points, *case.given)
            found.append([np.asarray(y).imag.ravel() / H for y in outputs])
            flat[at] = flat[at].real
        columns.append([np.stack(rows, axis=1) for rows in zip(*found, strict=True)])
    return [list(of_output) for of_output in zip(*columns, strict=True)]


def along(reference, case, i, u, path):
    """The slope of the loss (cotangent times outputs) along the direction u of input i."""
    points = [np.asarray(x, complex) for x in case.inputs]
    points[i] = points[i] + 1j * H * u
    outputs = reference(path, *points, *case.given)
    return sum(np.sum(v * np.imag(y)) / H for v, y in zip(case.vs, outputs, strict=True))


def parts(reference, case, path=Path()):
    """g[k][i]: the gradient by input i, of the cotangent of output k alone."""
    return [
        [(v.ravel() @ j).reshape(np.shape(x)) for j, x in zip(row, case.inputs, strict=True)]
        for v, row in zip(case.vs, slopes(reference, case, path), strict=True)
    ]


def gradients(reference, case, path=Path()):
    """The gradient by each input."""
    return [sum(column) for column in zip(*parts(reference, case, path), strict=True)]


def cotangents(reference, inputs, given, rng):
    """Cotangents of mixed signs for each output, none near 0."""
    outputs = run(reference, Case(inputs, given))
    return tuple(
        np.asarray(rng.choice([-1.0, 1.0], y.shape) * rng.uniform(0.5, 2.0, y.shape))
        for y in outputs
    )


def cases(reference, draw, sizes, rng):
    """One case for each size."""
    found = []
    for size in sizes:
        inputs, given = draw(rng, *size)
        inputs = tuple(np.asarray(x, float) for x in inputs)
        found.append(Case(inputs, given, cotangents(reference, inputs, given, rng)))
    return found
