"""An entry: one equation, what it claims, the code that has it, and its check."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from minigen.check import Report
from minigen.core import html, validate
from minigen.derivations.statement import CLAIM, VERDICTS, stated


@dataclass(frozen=True)
class NotEvaluable:
    """Why a printed line has no error: there is nothing in it that could be computed.

    Parameters
    ----------
    reason : str
        The reason, in words.

    Examples
    --------
    >>> mg.derivations.NotEvaluable("the index 1 - d is negative").reason
    'the index 1 - d is negative'
    """

    reason: str


@dataclass(frozen=True)
class Result:
    """What one draw of a check found.

    Parameters
    ----------
    correct : float, array, Report or None
        The error of the form that must hold, against a value found in another way, or a report
        that compares values; None if that form was not evaluated and only the gradient was
        checked.
    printed : float, NotEvaluable or None
        The error of the form as printed; None where it is the correct form.
    gradient : Report, float, tuple of them or None
        The report on the hand-written backward pass, or its error.
    note : str
        A figure worth reading beside the errors.

    Examples
    --------
    >>> mg.derivations.Result(1e-16, printed=0.7).printed
    0.7
    """

    correct: float | Report | None
    printed: float | NotEvaluable | None = None
    gradient: Report | float | tuple[Report | float, ...] | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class Entry:
    """One equation, made by `entry`. Called with a Generator, it returns a Result.

    printed: the line as it stands in the notes, with its dollar signs; "" for a user's claim.
    correct, gradient: LaTeX of the form that holds and of its backward pass ("" for none).
    code: the functions that implement it. tolerance: how far `correct` may be off, 0 for exact.
    figure: a function of a Generator that gives a picture for the page (see svg.plot), or None.
    """

    id: str
    check: Callable[[np.random.Generator], Any]
    correct: str
    printed: str = ""
    verdict: str = CLAIM
    why: str = ""
    code: tuple[Callable, ...] = ()
    line: int | None = None
    tolerance: float = 1e-12
    gradient: str = ""
    figure: Callable[[np.random.Generator], str] | None = None

    def __call__(self, rng: np.random.Generator) -> Result:
        return as_result(self.check(rng))

    def __repr__(self) -> str:
        return f"Entry({self.id!r})"

    def _repr_html_(self) -> str:
        head = f"<b>{escape(self.id)}</b> {escape(self.verdict)}"
        head += f", line {self.line} of the notes" if self.line else ""
        return html.box(f"<div>{head}</div>{self._forms()}")

    def _forms(self) -> str:
        """Its equations as MathML, for a notebook: as printed, as it must read, its gradient."""
        from minigen.derivations.page.mathml import prose

        forms = ("printed", self.printed), ("correct", self.correct), ("gradient", self.gradient)
        return "".join(
            f"<div>{html.quiet(f'{name}:')} {prose(text)}</div>" for name, text in forms if text
        )


@validate.options
def entry(
    id: str,
    correct: str = "",
    *,
    code: Callable | tuple[Callable, ...] = (),
    printed: str = "",
    gradient: str = "",
    why: str = "",
    verdict: str = "",
    line: int | None = None,
    tolerance: float = 1e-12,
    figure: Callable[[np.random.Generator], str] | None = None,
) -> Callable[[Callable[[np.random.Generator], Any]], Entry]:
    r"""Decorator that makes an Entry of a function of `rng` that checks an equation.

    The function returns the error as a number or an array, a Report of `minigen.check` or several,
    or a Result. What the
    equation says is given by arguments or written in the function's docstring, see
    `minigen.derivations.statement`; each part in one of the two places.

    Parameters
    ----------
    id : str
        A name without spaces.
    correct : str
        LaTeX of the equation; in the docstring `correct: ...`.
    code : function or tuple of functions
        What implements the equation: functions, methods or classes.
    printed : str
        The equation as it stands in the notes, if that is another one.
    gradient : str
        LaTeX of its backward pass.
    why : str
        A remark. In the docstring it is every paragraph without a field.
    verdict : str
        "claim" unless given; or "correct", "misprint", "wrong", "incomplete", "supplement".
    line : int or None
        The line of the notes.
    tolerance : float
        How far the correct form may be off; 0 if it must be exact.
    figure : function or None
        A function of a Generator that returns a picture as SVG.

    Returns
    -------
    function
        The decorator.

    Raises
    ------
    ValueError
        If a part is missing, given twice, or malformed; with the file and the line.

    Examples
    --------
    >>> @mg.derivations.entry("EXP-1")
    ... def exp_1(rng):
    ...     r'''The exponential of a sum.
    ...
    ...     correct: e^{a+b}=e^ae^b
    ...     '''
    ...     a, b = rng.standard_normal(2)
    ...     return abs(np.exp(a + b) / (np.exp(a) * np.exp(b)) - 1)
    >>> mg.derivations.run(entries=[exp_1])[0].ok
    True
    """
    if not isinstance(id, str) or not id or any(c.isspace() for c in id):
        raise validate.expected("id", "a name without spaces", repr(id))
    given: dict[str, Any] = {"correct": correct, "printed": printed, "gradient": gradient}
    given |= {"why": why, "verdict": verdict, "line": line}
    given = {name: value for name, value in given.items() if value not in ("", None)}
    functions = code if isinstance(code, tuple) else (code,)

    def bound(check: Callable[[np.random.Generator], Any]) -> Entry:
        written = stated(check)
        for name in given.keys() & written.keys() - {"why"}:
            raise validate.expected(name, f"one place for it in {id}", "argument and docstring")
        parts: dict[str, Any] = {"correct": "", "verdict": CLAIM} | written | given
        validate.choice("verdict", parts["verdict"], VERDICTS)
        if not parts["correct"]:
            raise validate.expected("correct", f"the equation of {id} in LaTeX", "nothing")
        return Entry(id, check, code=functions, tolerance=tolerance, figure=figure, **parts)

    return bound


def as_result(value: Any) -> Result:
    """What a check returned, as a Result."""
    if isinstance(value, Result):
        return value
    several = value if isinstance(value, (tuple, list)) else (value,)
    if several and all(isinstance(v, Report) for v in several):
        forms = [v for v in several if v.values]
        gradients = tuple(v for v in several if not v.values)
        return Result(together(forms) if forms else None, gradient=gradients or None)
    array = np.asarray(value) if isinstance(value, (int, float, np.number, np.ndarray)) else None
    if array is None or isinstance(value, bool) or array.dtype.kind not in "iuf" or not array.size:
        what = "a Result, a Report (or several), a number or an array of errors"
        raise validate.wrong_type("check", what, type(value).__name__)
    return Result(correct=float(np.max(np.abs(array))))


def together(reports: list[Report]) -> Report:
    """Several reports as one."""
    if len(reports) == 1:
        return reports[0]
    rows = tuple(row for report in reports for row in report.rows)
    return Report(" and ".join(r.title for r in reports), rows, reports[0].note, values=True)


def entries_of(namespace: dict[str, Any]) -> tuple[Entry, ...]:
    """The entries among the values of a module's namespace, in their order."""
    return tuple(value for value in namespace.values() if isinstance(value, Entry))
