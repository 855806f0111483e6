"""The functions of a homework file, called in the student's own session.

Marks are given behind a wall (`homework.check`, `homework.grade`); here a student runs their own
file, as `python coupling.py` would.
"""

import os
import pathlib
import traceback
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.homework import assignments
from minigen.homework.assignments import Assignment
from minigen.homework.handout import blanks, variants
from minigen.homework.types import Variant
from minigen.homework.wall.inside.uploads import header

Shape = tuple[int, ...]


class Code:
    """A homework file that is loaded: its functions, its assignment and variant, whose it is."""

    def __init__(self, assignment: Assignment, variant: Variant, whose: str, path: str,
                 source: str) -> None:  # fmt: skip
        self.assignment, self.variant, self.whose, self.path = assignment, variant, whose, path
        self.functions: dict[str, Any] = {"__name__": assignment.name, "__file__": path}
        self.run(lambda: exec(compile(source, path, "exec"), self.functions), path)

    def __repr__(self) -> str:
        return self.whose

    def run(self, call: Any, name: str) -> Any:
        """What the call returns; an error of the student's code is told with its line."""
        try:
            return call()
        except NotImplementedError:
            raise validate.expected(
                self.path, f"{name} filled in", "NotImplementedError: it is not written yet"
            ) from None
        except Exception as error:
            lines = [f.lineno for f in traceback.extract_tb(error.__traceback__)
                     if f.filename == self.path]  # fmt: skip
            line = getattr(error, "lineno", None) or (lines[-1] if lines else None)
            where = f"{self.path}:{line}" if line else self.path
            what = f"{type(error).__name__} in {name}: {error}"
            raise validate.expected(where, "a call that ends", what) from error

    def call(self, name: str, *values: Any) -> Any:
        """The function of this name, of these values."""
        function = self.functions.get(name)
        if not callable(function):
            raise validate.expected(self.path, f"a function {name}", "none")
        return self.run(lambda: function(*values), name)

    def value(self, name: str, shapes: Sequence[Shape], *values: Any) -> list[NDArray]:
        """Its outputs, which must have these shapes."""
        out = self.call(name, *values)
        return self.held(name, out if isinstance(out, tuple) else (out,), shapes)

    def forward(self, name: str, shapes: Sequence[Shape], inputs: Sequence[Any],
                given: Sequence[Any] = ()) -> tuple[Any, ...]:  # fmt: skip
        """NAME_forward: its outputs, then what `backward` needs."""
        out = self.call(f"{name}_forward", *inputs, *given)
        if not isinstance(out, tuple) or len(out) != len(shapes) + 1:
            got = f"{len(out)} values" if isinstance(out, tuple) else type(out).__name__
            what = f"{name}_forward to return {len(shapes) + 1} values, the cache last"
            raise validate.expected(self.path, what, got)
        arrays = self.held(f"{name}_forward", out[:-1], shapes)
        return *arrays, (out[-1], [np.shape(x) for x in inputs])

    def backward(self, name: str, gradients: Sequence[Any], cache: Any) -> list[NDArray]:
        """NAME_backward: the gradient of each input, of the input's shape."""
        own, shapes = cache
        out = self.call(f"{name}_backward", *gradients, own)
        return self.held(f"{name}_backward", out if isinstance(out, tuple) else (out,), shapes)

    def held(self, name: str, out: Sequence[Any], shapes: Sequence[Shape]) -> list[NDArray]:
        """The outputs as arrays, refused if there are more or fewer, or of other shapes."""
        got = [np.shape(a) for a in out]
        if got != [tuple(s) for s in shapes]:
            want = ", ".join(map(str, shapes))
            said = ", ".join(map(str, got))
            raise validate.expected(self.path, f"{name} to return shapes {want}", said)
        arrays = [np.asarray(a) for a in out]
        return [a if a.dtype.kind in "fc" else a.astype(np.float64) for a in arrays]


def loaded(path: str | os.PathLike[str]) -> Code:
    """The file at a path; or, for an assignment's name, minigen's own solution for practice."""
    text = os.fspath(path)
    if text in assignments.NAMES:
        a = assignments.get(text)
        return Code(a, a.practice, "minigen's practice solution", f"<{text}>", blanks.solved(a))
    file = pathlib.Path(path)
    source = file.read_bytes()
    found = header(source).get("header")
    name, student, given = (found[0], found[2], found[3]) if found else (file.stem, None, None)
    a = assignments.get(name)
    variant = a.practice if given is None else variants.known(a, given)
    whose = file.name if student is None else f"{file.name} of {student}"
    return Code(a, variant, whose, text, source.decode("utf-8-sig"))
