"""The page of `minigen check --html`: the notes from beginning to end, in one file.

Mathematics is MathML with a font of its own, plots are SVG, code is folded by <details>: no script
and no network.
"""

import base64
import html
import importlib.metadata
import importlib.resources
import platform
import re
import string
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from pygments import highlight
from pygments.filter import simplefilter
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from pygments.token import Comment, Keyword, Literal, Operator, Text

from minigen.derivations.equation import Entry, NotEvaluable
from minigen.derivations.notes import Section, sections_of
from minigen.derivations.page import source, svg
from minigen.derivations.page.latex_text import plain
from minigen.derivations.page.mathml import marked, prose, words
from minigen.derivations.runner import GRADIENT, Row, draw_of
from minigen.derivations.statement import CORRECT, INCOMPLETE, MISPRINT, WRONG

Sections = Sequence[tuple[Section, Sequence[Row]]]


@simplefilter
def _coloured(self: Any, lexer: Any, stream: Iterable, options: Any) -> Iterator[tuple[Any, str]]:
    """Keywords, strings, numbers and comments; the rest is plain text, which keeps a page small."""
    kinds = (Keyword, Literal, Comment, Operator.Word)
    for token, text in stream:
        yield (token if any(token in kind for kind in kinds) else Text), text


PYTHON = PythonLexer(filters=[_coloured()])


def page(rows: Sequence[Row], seed: int = 0) -> str:
    """The whole page for these rows, as text: `page.html` with what was measured."""
    by_id = {row.entry.id: row for row in rows}
    sections = [
        (section, [by_id[e.id] for e in entries])
        for section, entries in sections_of([row.entry for row in rows])
    ]
    links = (
        f'<li><a href="#{_anchor(s.title)}">{html.escape(s.title)}</a> '
        f'<span class="count">{len(mine)}</span></li>'
        for s, mine in sections
    )
    bad = sum(not row.ok for row in rows)
    files = importlib.resources.files("minigen.derivations.page")
    template = string.Template(files.joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        style=files.joinpath("page.css").read_text(encoding="utf-8"),
        font=base64.b64encode(files.joinpath("math.woff2").read_bytes()).decode(),
        outcome="fails" if bad else "holds",
        state=f"{bad} of {len(rows)} fail" if bad else f"all {len(rows)} entries hold",
        contents="".join(links),
        errata=_errata(rows, sections),
        body="".join(_section(section, mine, seed, set(by_id)) for section, mine in sections),
        seed=seed,
        minigen=importlib.metadata.version("minigen"),
        python=platform.python_version(),
        numpy=np.__version__,
        seconds=f"{sum(row.seconds for row in rows):.1f}",
    )


def _errata(rows: Sequence[Row], sections: Sections) -> str:
    """What the notes have wrong, one line each."""
    lines = []
    for row in rows:
        e = row.entry
        if e.verdict in (MISPRINT, WRONG, INCOMPLETE):
            p = row.printed
            printed = "not computable" if isinstance(p, NotEvaluable) else _figure(p)
            cells = (
                f'<td class="figure">{printed}</td><td class="figure">{_figure(row.correct)}</td>'
            )
            lines.append((e.line or 0, _erratum(e.id, e.id, e.line, e.verdict, cells)))
    if not lines:
        return ""
    for s, _ in sections:
        if s.slip:
            cells = f'<td colspan="2">{html.escape(s.slip)}</td>'
            text = _erratum(_anchor(s.title), "heading", s.line, MISPRINT, cells)
            lines.append((s.line or 0, text))
    body = "".join(text for _, text in sorted(lines, key=lambda pair: pair[0]))
    return (
        f'<details class="errata"><summary>Errata at a glance: {len(lines)}</summary>'
        "<table><thead><tr><th>id</th><th>line</th><th>verdict</th><th>off as printed</th>"
        f"<th>off as corrected</th></tr></thead><tbody>{body}</tbody></table></details>"
    )


def _erratum(anchor: str, name: str, line: int | None, verdict: str, cells: str) -> str:
    """One line of the errata."""
    where = f'<td><a href="#{anchor}">{name}</a></td><td>{line or ""}</td>'
    return f'<tr>{where}<td class="{verdict}">{verdict}</td>{cells}</tr>'


def _figure(x: float | None) -> str:
    """An error for reading."""
    if x is None:
        return "–"
    if x == 0:
        return "exact"
    return f"{x:.2g}" if 1e-3 <= x < 1e4 else f"{x:.1e}"


def _section(section: Section, rows: Sequence[Row], seed: int, ids: Collection[str]) -> str:
    """One section with its entries."""
    where = f" <span>line {section.line}</span>" if section.line else ""
    heading = (
        f'<p class="heading"><code>{html.escape(section.heading)}</code>{where}</p>'
        if section.heading
        else ""
    )
    said = f"{section.remark} {section.slip}".strip()
    remark = f"<p>{html.escape(said)}</p>" if said else ""
    return (
        f'<section id="{_anchor(section.title)}"><h2>{html.escape(section.title)}</h2>'
        f"{heading}{remark}{''.join(_entry(row, seed, ids) for row in rows)}</section>"
    )


def _anchor(title: str) -> str:
    """A section's title as the name of its place."""
    return "section-" + "".join(c if c.isalnum() else "-" for c in title.lower())


def _entry(row: Row, seed: int, ids: Collection[str]) -> str:
    """One entry; `ids` are those that stand on the page."""
    e = row.entry
    where = f'<span class="line">line {e.line}</span>' if e.line else ""
    state = "" if row.ok else '<span class="verdict fails">fails</span>'
    backward = _form("backward", "backward", e.gradient) if e.gradient else ""
    return (
        f'<article id="{e.id}" class="entry {e.verdict}{"" if row.ok else " failing"}">'
        f'<header><h3><a href="#{e.id}">{e.id}</a></h3>{where}'
        f'<span class="verdict {e.verdict}">{e.verdict}</span>{state}</header>'
        f"{_forms(row)}{_why(e, ids)}{_picture(e, seed)}{_measured(row)}{backward}{_code(e)}"
        "</article>"
    )


def _forms(row: Row) -> str:
    """The printed form and the one that holds, or the one alone where they are the same."""
    e = row.entry
    if not e.printed:
        return _form("right", "", e.correct)
    if e.verdict == CORRECT:
        more = plain(e.printed).strip("= ,") != plain(e.correct).strip("= ,")
        full = _form("full", "in full", e.correct) if more else ""
        return _form("right", "as printed", e.printed) + full
    return _form("wrong", "as printed", e.printed) + _form("right", "as it must read", e.correct)


def _form(role: str, label: str, text: str) -> str:
    """One formula with its label; wide ones scroll inside their box."""
    caption = f"<span>{label}</span>" if label else ""
    return f'<div class="form {role}">{caption}<div class="scroll">{prose(text)}</div></div>'


def _why(e: Entry, ids: Collection[str]) -> str:
    """The reason; an entry that it names is linked to."""
    named = rf"\b({'|'.join(sorted(ids, key=len, reverse=True))})\b"
    text = re.sub(named, r'<a href="#\1">\1</a>', words(marked(e.why)))
    return f'<p class="why">{text}</p>' if text else ""


def _picture(e: Entry, seed: int) -> str:
    """Its figure; where the code it draws with is broken, the entries that say so are enough."""
    try:
        return e.figure(draw_of(e, seed)) if e.figure else ""
    except Exception as error:
        return f'<p class="why">No picture: {html.escape(f"{type(error).__name__}: {error}")}</p>'


def _measured(row: Row) -> str:
    """The ruler and its figures in words; an error that is too large is red."""
    limit = row.entry.tolerance
    said, marks = [], [("allowed", "allowed", limit)]
    if isinstance(row.printed, NotEvaluable):
        said.append(f"As printed it cannot be computed: {words(marked(row.printed.reason))}.")
    for name, text, role, error, allowed in (
        ("as printed", "As printed it is off by", "wrong", row.printed, 0.0),
        ("the form that must hold", "The form that must hold:", "right", row.correct, limit),
        ("the gradient", "The gradient:", "plain", row.gradient, GRADIENT),
    ):
        if isinstance(error, float) and np.isfinite(error):
            colour = role if error <= allowed or row.ok else "wrong"
            said.append(f'{text} <b class="{colour}">{_figure(error)}</b>.')
            marks.append((name, role, error))
    if row.note:
        said.append(f"{html.escape(row.note[0].upper() + row.note[1:])}.")
    trouble = "".join(f'<pre class="trouble">{html.escape(p)}</pre>' for p in row.problems)
    return f'{svg.ruler(marks)}<p class="measured">{" ".join(said)}</p>{trouble}'


def _code(e: Entry) -> str:
    """What implements it, and the check itself, each folded away."""
    parts = [
        _fold(f"<code>{name}</code> <span>{place}</span>", text)
        for name, place, text in source.listing(e)
    ]
    return f'<div class="code">{"".join(parts)}{_fold("the check", source.check_text(e))}</div>'


def _fold(summary: str, text: str) -> str:
    body = highlight(text, PYTHON, HtmlFormatter(nowrap=True)).rstrip()
    return f"<details><summary>{summary}</summary><pre><code>{body}</code></pre></details>"
