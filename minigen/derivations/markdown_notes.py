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

import contextlib
import importlib
import os
import pathlib
import re
import sys
from typing import Any

import numpy as np

from minigen.core import validate
from minigen.derivations.equation import Entry
from minigen.derivations.markdown_blocks import Block, blocks_of, fault
from minigen.derivations.markdown_code import Check, Unchecked, named, remember, run
from minigen.derivations.notes import Notes, Section
from minigen.derivations.statement import CLAIM, INCOMPLETE, MISPRINT, WRONG
from minigen.derivations.user_entries import joined

PRINTED = (MISPRINT, WRONG, INCOMPLETE)
OPTIONS = ("line", "tolerance", "code")


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
        blocks = list(blocks_of(path))
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


def _sections(path: pathlib.Path, blocks: list[Block]) -> list[Section]:
    """The sections of a file; what stands before its first heading has no title."""
    namespace: dict[str, Any] = {"np": np, "mg": importlib.import_module("minigen")}
    namespace |= {"__name__": path.stem, "__file__": str(path)}
    remember(path, blocks)
    for block in _preparing(blocks):
        run(path, block, namespace)
    parts: list[tuple[str, int | None, list[str | Entry]]] = [("", None, [])]
    forms: list[Block] = []
    checks: list[Block] = []
    done: set[str] = set()

    def close() -> None:
        if forms:
            entry = _entry(path, forms, checks, namespace)
            if entry.id in done:
                what = "the forms of an equation one after the other"
                raise fault(path, forms[0].line, what, f"{entry.id} again")
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
                raise fault(path, block.line, what, "none")
            checks.append(block)
    close()
    return [Section(title, (), line=line, blocks=tuple(body)) for title, line, body in parts]


def _preparing(blocks: list[Block]) -> list[Block]:
    """The Python before the first equation, and that which is marked so."""
    first = next((k for k, b in enumerate(blocks) if b.kind == "equation"), len(blocks))
    return [
        b for k, b in enumerate(blocks) if b.kind == "python" and (k < first or b.info == "setup")
    ]


def _marks(path: pathlib.Path, block: Block) -> tuple[str, list[str], dict[str, str]]:
    """(id, classes, options) of an equation."""
    words = block.info.split()
    ids = [w[1:] for w in words if w.startswith("#")]
    classes = [w[1:] for w in words if w.startswith(".")]
    pairs = dict(w.split("=", 1) for w in words if "=" in w and w[0] not in "#.")
    rest = [w for w in words if w[0] not in "#." and "=" not in w]
    if len(ids) != 1 or not re.fullmatch(r"[\w.:-]+", ids[0]):
        raise fault(path, block.line, "one id, {#NAME}", repr(f"{{{block.info}}}"))
    allowed = (*PRINTED, "gradient")
    unknown = [*(c for c in classes if c not in allowed), *(k for k in pairs if k not in OPTIONS)]
    if unknown or rest:
        known = f".{', .'.join(allowed)}, {', '.join(f'{k}=' for k in OPTIONS)}"
        raise fault(path, block.line, f"one of {known}", repr((unknown + rest)[0]))
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
            raise fault(path, block.line, f"one form of {id} that is {role}", "a second one")
        parts[role] = block.text
        verdict = classes[0] if role == "printed" else verdict
        options |= pairs
    first = forms[0].line
    if not parts["correct"]:
        raise fault(path, first, f"the form of {id} that holds, $$ ... $$ {{#{id}}}", "none")
    check = Check(path, checks, namespace) if checks else Unchecked(path, first)
    code = tuple(named(path, first, name, namespace)
                 for name in filter(None, options.get("code", "").split(",")))  # fmt: skip
    with contextlib.suppress(ValueError):
        tolerance = float(options.get("tolerance", 1e-12))
        line = int(options["line"]) if "line" in options else None
        if tolerance >= 0:
            return Entry(id, check, verdict=verdict, code=code, line=line, tolerance=tolerance,
                         **parts)  # fmt: skip
    raise fault(path, first, "numbers for line= and tolerance=", repr(forms[0].info))
