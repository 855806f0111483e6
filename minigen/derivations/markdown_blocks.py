"""The parts of a Markdown file: headings, prose, displayed equations with a name, Python."""

import pathlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from minigen.core import validate

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*(.*)")
MARKS = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, eq=False)
class Block:
    """A part of a file: its kind ("heading", "prose", "equation", "python"), text, first line."""

    kind: str
    text: str
    line: int
    info: str = ""


def fault(path: pathlib.Path, line: int, what: str, got: object) -> validate.InvalidValue:
    """The error for a line of a file."""
    return validate.expected(f"{path.name}:{line}", what, got)


def blocks_of(path: pathlib.Path) -> Iterator[Block]:
    """The parts of a file, in order."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise fault(path, 1, "text in UTF-8", error.reason) from None
    k, prose = 0, []

    def flush(end: int) -> Iterator[Block]:
        text = "\n".join(prose)
        if text.strip():
            yield Block("prose", text.strip("\n"), end - len(prose) + 1)
        prose.clear()

    while k < len(lines):
        line = lines[k]
        fence = FENCE.fullmatch(line)
        heading = re.fullmatch(r"(#{1,2})\s+(.*?)\s*#*", line)
        if fence:
            end = _closing(path, lines, k, fence[1])
            words = fence[2].replace("{", " ").replace("}", " ").split()
            if words[:1] == ["python"] and words[1:2] != ["show"]:
                yield from flush(k)
                yield Block("python", "\n".join(lines[k + 1 : end]), k + 2, " ".join(words[1:]))
            else:
                prose += lines[k : end + 1]
            k = end + 1
        elif line.lstrip().startswith("$$"):
            end, text, info = _equation(path, lines, k)
            if info:
                yield from flush(k)
                yield Block("equation", text, k + 1, info)
            else:
                prose += ["", f"$${text}$$", ""]
                prose += [""] * (end - k - 2)  # so that lines are counted right
            k = end + 1
        elif heading:
            yield from flush(k)
            yield Block("heading", heading[2], k + 1, str(len(heading[1])))
            k += 1
        else:
            prose.append(line)
            k += 1
    yield from flush(k)


def _closing(path: pathlib.Path, lines: list[str], start: int, fence: str) -> int:
    """The line that closes a fence."""
    for k in range(start + 1, len(lines)):
        text = lines[k].strip()
        if text.startswith(fence) and not text.strip(fence[0]):
            return k
    raise fault(path, start + 1, f"a closing {fence}", "the end of the file")


def _equation(path: pathlib.Path, lines: list[str], start: int) -> tuple[int, str, str]:
    """(last line, LaTeX, what stands between the braces behind it) of a displayed equation."""
    parts = []
    for k in range(start, len(lines)):
        text = lines[k].strip()
        text = text[2:] if k == start else text
        head, closed, tail = text.partition("$$")
        if k > start and not text:
            break
        parts.append(head.strip())
        if closed:
            marks = MARKS.fullmatch(tail.strip())
            if tail.strip() and not marks:
                what = "nothing, or {#NAME}, behind $$"
                raise fault(path, k + 1, what, repr(tail.strip()))
            return k, " ".join(filter(None, parts)), marks[1].strip() if marks else ""
    raise fault(path, start + 1, "a closing $$ before the next empty line", "none")
