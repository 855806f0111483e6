r"""Notes of one's own: a folder of Markdown whose equations are checked by a few lines of Python.

    # Title of the page

    An introduction.

    ## A section

    Prose with $x_i$, lists, tables, links and ![pictures](picture.png).

    $$ \sigma'(x) = \sigma(x)\,(1 - \sigma(x)) $$ {#SIG-1}

    ```python
    x = rng.standard_normal(5)
    mg.check.derivative(sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x)), x)
    ```

An equation with an id, {#SIG-1}, is an entry; the Python below it checks it. Its last line is an
expression: a report of `minigen.check`, several of them, an error that must be 0, or a Result.
`np`, `mg` and the generator `rng` are there, and all that the file's Python before its first
equation, or in a block ```python setup, has defined. Beside the id may stand

    .misprint .wrong .incomplete    the form as printed; the form that holds has the same id
    .gradient                       the backward pass, of the same id
    line=12 tolerance=1e-9 code=f,g the place, the error allowed, the functions to be shown

The Python is run as `python FILE` would run it: with all the rights of the one who runs it. Notes
of somebody else are somebody else's program.
"""

import ast
import contextlib
import importlib
import linecache
import os
import pathlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigen.core import validate
from minigen.derivations.equation import Entry
from minigen.derivations.notes import Notes, Section
from minigen.derivations.statement import CLAIM, INCOMPLETE, MISPRINT, WRONG
from minigen.derivations.user_entries import joined, line_of

PRINTED = (MISPRINT, WRONG, INCOMPLETE)
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*(.*)")
MARKS = re.compile(r"\{([^{}]*)\}")
OPTIONS = ("line", "tolerance", "code")


@dataclass(frozen=True, eq=False)
class Block:
    """A part of a file: its kind ("heading", "prose", "equation", "python"), text, first line."""

    kind: str
    text: str
    line: int
    info: str = ""


def read(folder: str | os.PathLike[str]) -> Notes:
    """Read notes of your own: the Markdown files of a folder, in the order of their names.

    The Python of the files that prepares is run now, as `python FILE` would run it; that of the
    equations when they are checked. How the files are written is said in
    `minigen.derivations.markdown_notes`; `minigen check --new FOLDER` makes an example.

    Parameters
    ----------
    folder : str or path
        The folder.

    Returns
    -------
    Notes
        The title, the introduction, and the sections; `.entries` are the equations.

    Raises
    ------
    ValueError
        For a file that does not follow the form, with its name and line.

    Examples
    --------
    >>> text = '''# Mine
    ...
    ... $$ 1 + 1 = 2 $$ {#ONE}
    ...
    ... ```python
    ... mg.check.equal(1 + 1, 2)
    ... ```
    ... '''
    >>> import pathlib
    >>> pathlib.Path("mine").mkdir()
    >>> _ = pathlib.Path("mine/one.md").write_text(text, encoding="utf-8")
    >>> notes = mg.derivations.read("mine")
    >>> notes.title, [row.ok for row in mg.derivations.run(entries=notes.entries)]
    ('Mine', [True])
    """
    if not isinstance(folder, (str, os.PathLike)):
        raise validate.wrong_type("folder", "a folder with Markdown files", repr(folder))
    place = pathlib.Path(folder)
    paths = sorted(place.glob("*.md"))
    if not paths:
        got = "none in " + str(place) if place.is_dir() else f"no folder {place}"
        raise validate.expected("folder", "a folder with Markdown files (*.md)", got)
    if str(place.resolve()) not in sys.path:  # the notes may import what stands beside them
        sys.path.insert(0, str(place.resolve()))
    title, lead, sections = "", "", []
    for path in paths:
        blocks = list(_blocks(path))
        if blocks and blocks[0].kind == "heading" and blocks[0].info == "1" and not sections:
            title = title or blocks.pop(0).text
        parts = _sections(path, blocks)
        if not sections and parts and not parts[0].title and not parts[0].entries:
            lead = "\n\n".join(b for b in parts.pop(0).blocks if isinstance(b, str))
        sections += [s for s in parts if s.title or s.blocks]
    sections = [_titled(s, title or place.resolve().name) for s in sections]
    joined(*(s.entries for s in sections))
    if not any(s.entries for s in sections):
        what = "an equation with an id, $$ ... $$ {#NAME}"
        raise validate.expected("folder", what, f"none in {', '.join(p.name for p in paths)}")
    return Notes(title or place.resolve().name, lead, tuple(sections), place)


def _titled(section: Section, title: str) -> Section:
    """A section whose file has no heading, under the title of the notes."""
    return section if section.title else Section(title, (), blocks=section.blocks)


def _fault(path: pathlib.Path, line: int, what: str, got: object) -> validate.InvalidValue:
    """The error for a line of a file."""
    return validate.expected(f"{path.name}:{line}", what, got)


def _blocks(path: pathlib.Path) -> Iterator[Block]:
    """The parts of a file, in order."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise _fault(path, 1, "text in UTF-8", error.reason) from None
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
    raise _fault(path, start + 1, f"a closing {fence}", "the end of the file")


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
                raise _fault(path, k + 1, what, repr(tail.strip()))
            return k, " ".join(filter(None, parts)), marks[1].strip() if marks else ""
    raise _fault(path, start + 1, "a closing $$ before the next empty line", "none")


def _sections(path: pathlib.Path, blocks: list[Block]) -> list[Section]:
    """The sections of a file; what stands before its first heading has no title."""
    namespace: dict[str, Any] = {"np": np, "mg": importlib.import_module("minigen")}
    namespace |= {"__name__": path.stem, "__file__": str(path)}
    _remember(path, blocks)
    for block in _preparing(blocks):
        _run(path, block, namespace)
    parts: list[tuple[str, int | None, list[str | Entry]]] = [("", None, [])]
    forms: list[Block] = []
    checks: list[Block] = []
    done: set[str] = set()

    def close() -> None:
        if forms:
            entry = _entry(path, forms, checks, namespace)
            if entry.id in done:
                what = "the forms of an equation one after the other"
                raise _fault(path, forms[0].line, what, f"{entry.id} again")
            done.add(entry.id)
            parts[-1][2].append(entry)
        forms.clear()
        checks.clear()

    preparing = set(map(id, _preparing(blocks)))
    for block in blocks:
        if block.kind == "heading":
            close()
            parts.append((block.text, block.line, []))
        elif block.kind == "equation":
            if forms and (checks or _marks(path, block)[0] != _marks(path, forms[0])[0]):
                close()
            forms.append(block)
        elif block.kind == "prose":
            if checks:
                close()
            parts[-1][2].append(block.text)
        elif id(block) in preparing:
            parts[-1][2].append(f"```fold\n{block.text}\n```")
        else:
            if not forms:
                what = "an equation with an id above this Python, or ```python setup"
                raise _fault(path, block.line, what, "none")
            checks.append(block)
    close()
    return [Section(title, (), line=line, blocks=tuple(body)) for title, line, body in parts]


def _preparing(blocks: list[Block]) -> list[Block]:
    """The Python before the first equation, and that which is marked so."""
    first = next((k for k, b in enumerate(blocks) if b.kind == "equation"), len(blocks))
    return [
        b for k, b in enumerate(blocks) if b.kind == "python" and (k < first or b.info == "setup")
    ]


def _remember(path: pathlib.Path, blocks: list[Block]) -> None:
    """Let `inspect` and tracebacks read the Python of a file, as if the rest of it were empty."""
    lines: list[str] = []
    for block in blocks:
        if block.kind == "python":
            lines += [""] * (block.line - 1 - len(lines)) + block.text.split("\n")
    text = [f"{line}\n" for line in lines]
    linecache.cache[str(path)] = (sum(map(len, text)), None, text, str(path))


def _tree(path: pathlib.Path, block: Block) -> ast.Module:
    """The Python of a block, at the lines it has in its file."""
    try:
        tree = ast.parse(block.text, str(path))
    except SyntaxError as error:
        line = block.line + (error.lineno or 1) - 1
        raise _fault(path, line, "Python", f"SyntaxError: {error.msg}") from None
    return ast.increment_lineno(tree, block.line - 1)


def _run(path: pathlib.Path, block: Block, namespace: dict[str, Any]) -> None:
    """Run the Python that prepares."""
    try:
        exec(compile(_tree(path, block), str(path), "exec"), namespace)
    except validate.InvalidInput as error:
        if str(error).startswith(f"{path.name}:"):
            raise
        raise _failed(path, error) from error
    except (Exception, SystemExit) as error:  # it may fail in any way: the user is told where
        raise _failed(path, error) from error


def _failed(path: pathlib.Path, error: BaseException) -> validate.InvalidValue:
    """The error for Python that raises."""
    got = f"{type(error).__name__}: {error}"
    return _fault(path, line_of(error, path) or 1, "Python that runs", got)


class Check:
    """The Python below an equation, as a function of a generator: the value of its last line."""

    def __init__(self, path: pathlib.Path, blocks: list[Block], namespace: dict[str, Any]) -> None:
        self.namespace, self.blocks = namespace, list(blocks)
        self.place = f"{path.name}:{blocks[0].line}"
        self.text = "\n\n".join(b.text for b in blocks)
        body = [node for b in blocks for node in _tree(path, b).body]
        final = body.pop() if body else None
        if not isinstance(final, ast.Expr):
            line = final.lineno if final else blocks[0].line
            what = "an expression in the last line: a report of mg.check, or an error"
            raise _fault(path, line, what, "a statement" if final else "nothing")
        last = ast.Expression(final.value)
        self.body = compile(ast.Module(body, []), str(path), "exec")
        self.__code__ = self.last = compile(last, str(path), "eval")

    def __call__(self, rng: np.random.Generator) -> Any:
        here = self.namespace | {"rng": rng}
        exec(self.body, here)
        return eval(self.last, here)


class Unchecked:
    """In place of a check where there is none."""

    def __init__(self, path: pathlib.Path, line: int) -> None:
        self.place, self.text = f"{path.name}:{line}", "# nothing checks this equation"

    def __call__(self, rng: np.random.Generator) -> Any:
        raise validate.expected(self.place, "Python below the equation that checks it", "none")


def _marks(path: pathlib.Path, block: Block) -> tuple[str, list[str], dict[str, str]]:
    """(id, classes, options) of an equation."""
    words = block.info.split()
    ids = [w[1:] for w in words if w.startswith("#")]
    classes = [w[1:] for w in words if w.startswith(".")]
    pairs = dict(w.split("=", 1) for w in words if "=" in w and w[0] not in "#.")
    rest = [w for w in words if w[0] not in "#." and "=" not in w]
    if len(ids) != 1 or not re.fullmatch(r"[\w.:-]+", ids[0]):
        raise _fault(path, block.line, "one id, {#NAME}", repr(f"{{{block.info}}}"))
    allowed = (*PRINTED, "gradient")
    unknown = [*(c for c in classes if c not in allowed), *(k for k in pairs if k not in OPTIONS)]
    if unknown or rest:
        known = f".{', .'.join(allowed)}, {', '.join(f'{k}=' for k in OPTIONS)}"
        raise _fault(path, block.line, f"one of {known}", repr((unknown + rest)[0]))
    return ids[0], classes, pairs


def _entry(
    path: pathlib.Path, forms: list[Block], checks: list[Block], namespace: dict[str, Any]
) -> Entry:
    """The entry of an equation, its other forms and its check."""
    parts: dict[str, Any] = {"correct": "", "printed": "", "gradient": ""}
    options: dict[str, str] = {}
    verdict, id = CLAIM, ""
    for block in forms:
        id, classes, pairs = _marks(path, block)
        role = "gradient" if "gradient" in classes else "printed" if classes else "correct"
        if parts[role]:
            raise _fault(path, block.line, f"one form of {id} that is {role}", "a second one")
        parts[role] = block.text
        verdict = classes[0] if role == "printed" else verdict
        options |= pairs
    first = forms[0].line
    if not parts["correct"]:
        raise _fault(path, first, f"the form of {id} that holds, $$ ... $$ {{#{id}}}", "none")
    check = Check(path, checks, namespace) if checks else Unchecked(path, first)
    code = tuple(_named(path, first, name, namespace)
                 for name in filter(None, options.get("code", "").split(",")))  # fmt: skip
    with contextlib.suppress(ValueError):
        tolerance = float(options.get("tolerance", 1e-12))
        line = int(options["line"]) if "line" in options else None
        if tolerance >= 0:
            return Entry(id, check, verdict=verdict, code=code, line=line, tolerance=tolerance,
                         **parts)  # fmt: skip
    raise _fault(path, first, "numbers for line= and tolerance=", repr(forms[0].info))


def _named(path: pathlib.Path, line: int, name: str, namespace: dict[str, Any]) -> Any:
    """A function of the file's Python, by its name with dots."""
    found: Any = namespace
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else getattr(found, part, None)
        if found is None:
            what = f"a function that the Python of {path.name} defines"
            raise _fault(path, line, what, repr(name))
    if not callable(found):
        raise _fault(path, line, "a function behind code=", repr(name))
    return found
