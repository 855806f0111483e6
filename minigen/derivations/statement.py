r"""What an equation says, written as the docstring of the function that checks it.

    Misprint, line 49 of the notes.

    printed: $$\bar{y}_{d+1-0} = \bar{x}_{d+1-0} \odot e^{s(\bar{x}_{1-d})}$$
    correct: \bar y_{d+1:D}=\bar x_{d+1:D}\odot e^{\bar s(\bar x_{1:d})}
    gradient: d\bar s=d\bar y_2\odot\bar x_2\odot e^{\bar s}+d\ell

    Read d+1:D for the index and the formula is right.

The first line is the verdict, with the line of the notes where there is one. A paragraph that
begins with `printed:`, `correct:` or `gradient:` holds fields; everything else is the remark. A
field goes on in the lines that are indented below it, joined by spaces, which mean nothing to
LaTeX. Every part may be left out.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from minigen.core import validate

CORRECT, MISPRINT, WRONG, INCOMPLETE = "correct", "misprint", "wrong", "incomplete"
SUPPLEMENT, CLAIM = "supplement", "claim"  # not printed in the notes; a user's own
VERDICTS = (CORRECT, MISPRINT, WRONG, INCOMPLETE, SUPPLEMENT, CLAIM)
FIELDS = ("printed", "correct", "gradient")
HEAD = re.compile(r"(\w+)(?:, line (.*?)(?: of the notes)?)?\.")
FIELD = re.compile(r"([a-z]+):(?:\s+(.*))?")


class Malformed(Exception):
    """A line of a docstring, counted from 0, that does not follow the form."""

    def __init__(self, line: int, what: str, got: str) -> None:
        super().__init__(line, what, got)
        self.line, self.what, self.got = line, what, got


def stated(check: Callable) -> dict[str, Any]:
    """The parts that the docstring of a function states, by their names."""
    doc = check.__doc__ if inspect.isfunction(check) else None
    try:
        return parse(doc or "")
    except Malformed as error:
        place = f"{check.__code__.co_filename}:{first_line(check) + error.line}"
        raise validate.expected(place, error.what, error.got) from None


def first_line(check: Callable) -> int:
    """The line of its file in which the docstring of a function begins."""
    lines, start = inspect.getsourcelines(check)
    (function,) = ast.parse(textwrap.dedent("".join(lines))).body
    assert isinstance(function, ast.FunctionDef)
    return start + function.body[0].lineno - 1


def parse(doc: str) -> dict[str, Any]:
    """The parts of a docstring: verdict, line, printed, correct, gradient, why."""
    parts: dict[str, Any] = {}
    remarks = []
    for number, lines in paragraphs(doc):
        head = None if parts or remarks else HEAD.fullmatch(" ".join(lines))
        if head and (head[2] is not None or head[1].lower() in VERDICTS):
            parts |= headline(number, *head.groups())
        elif FIELD.fullmatch(lines[0]):
            for name, value in fields(number, lines):
                if name in parts:
                    raise Malformed(number, f"one field {name}", "a second one")
                parts[name] = value
        else:
            remarks.append(" ".join(line.strip() for line in lines))
    return parts | ({"why": "\n\n".join(remarks)} if remarks else {})


def paragraphs(doc: str) -> Iterator[tuple[int, list[str]]]:
    """(number of the first line, lines) of each paragraph, without the common indentation."""
    first, *rest = doc.expandtabs().split("\n")
    lines = [first.lstrip(), *textwrap.dedent("\n".join(rest)).split("\n")]
    start = 0
    for k, line in enumerate([*lines, ""]):
        if not line.strip():
            if k > start:
                yield start, lines[start:k]
            start = k + 1


def headline(number: int, word: str, line: str | None) -> dict[str, Any]:
    """The verdict and the line of the notes."""
    if word.lower() not in VERDICTS:
        raise Malformed(number, f"a verdict ({', '.join(VERDICTS)})", repr(word))
    if line is None:
        return {"verdict": word.lower()}
    if not line.isdigit():
        raise Malformed(number, "the number of a line", repr(line))
    return {"verdict": word.lower(), "line": int(line)}


def fields(
    number: int, lines: list[str], names: tuple[str, ...] = FIELDS
) -> Iterator[tuple[str, str]]:
    """(name, value) of each field of a paragraph whose first line has the given number."""
    starts = [k for k, line in enumerate(lines) if not line.startswith(" ")]
    for k, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        found = FIELD.fullmatch(lines[k])
        if not found or found[1] not in names:
            what = f"{', '.join(f'{name}:' for name in names)} or an indented line"
            raise Malformed(number + k, what, repr(lines[k]))
        value = " ".join(part.strip() for part in [found[2] or "", *lines[k + 1 : end]]).strip()
        if not value:
            raise Malformed(number + k, f"a text after {found[1]}:", "nothing")
        yield found[1], value
