"""The page of `minigen check --html`: the notes from beginning to end, in one file.

Mathematics is MathML with a font of its own, plots are SVG, code is folded by <details>. A few
lines of script find entries; without them nothing is missing but the search. No network.
"""

import base64
import html
import importlib.resources
import pathlib
import platform
import re
import string
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from minigen import __version__
from minigen.derivations.equation import Entry, NotEvaluable
from minigen.derivations.notes import Notes, Section, notes_of
from minigen.derivations.page import source, svg
from minigen.derivations.page.latex_text import plain
from minigen.derivations.page.markdown import inline, rendered
from minigen.derivations.page.mathml import marked, prose, words
from minigen.derivations.page.tutorials import TUTORIALS
from minigen.derivations.runner import GRADIENT, Row, draw_of
from minigen.derivations.statement import CORRECT, INCOMPLETE, MISPRINT, VERDICTS, WRONG

Sections = Sequence[tuple[Section, Sequence[Row]]]


def page(
    rows: Sequence[Row], seed: int = 0, notes: Notes | None = None,
    tutorials: str = "", command: str = "",
) -> str:  # fmt: skip
    """The whole page for these rows, as text: `page.html` with what was measured.

    notes: what the page is about; tutorials: the path from the page to the notebooks, if they are
    there; command: how the page is made again.
    """
    entries = [row.entry for row in rows]
    notes = notes or notes_of(entries)
    by_id = {row.entry.id: row for row in rows}
    sections = [(s, [by_id[e.id] for e in mine]) for s, mine in notes.having(entries)]
    links = (
        f'<li><a href="#{_anchor(s.title)}">{inline(s.title)}</a> '
        f'<span class="count">{len(mine) or ""}</span></li>'
        for s, mine in sections
    )
    bad = sum(not row.ok for row in rows)
    files = importlib.resources.files("minigen.derivations.page")
    template = string.Template(files.joinpath("page.html").read_text(encoding="utf-8"))
    ids, linked = set(by_id), _tutorial_links(tutorials)
    body = (_section(s, mine, seed, ids, notes.folder, linked) for s, mine in sections)
    return template.substitute(
        title=html.escape(re.sub(r"[*`$\\]", "", notes.title)),
        heading=inline(notes.title),
        lead=rendered(notes.lead, notes.folder),
        style=files.joinpath("page.css").read_text(encoding="utf-8"),
        script=files.joinpath("page.js").read_text(encoding="utf-8"),
        font=base64.b64encode(files.joinpath("math.woff2").read_bytes()).decode(),
        outcome="fails" if bad else "holds",
        state=f"{bad} of {len(rows)} fail" if bad else f"all {len(rows)} entries hold",
        verdicts=_verdicts(rows),
        contents="".join(links),
        errata=_errata(rows, sections),
        body="".join(body),
        command=html.escape(command or f"minigen check --html FILE --seed {seed}"),
        minigen=__version__,
        python=platform.python_version(),
        numpy=np.__version__,
        seconds=f"{sum(row.seconds for row in rows):.1f}",
    )


def _verdicts(rows: Sequence[Row]) -> str:
    """The choices of the filter: each verdict that there is, with how many have it."""
    counts = {v: sum(row.entry.verdict == v for row in rows) for v in VERDICTS}
    counts |= {"fails": sum(not row.ok for row in rows)}
    return "".join(
        f'<option value="{v}">{v} ({n})</option>' for v, n in counts.items() if n
    )  # fmt: skip


def _errata(rows: Sequence[Row], sections: Sections) -> str:
    """What the notes have wrong: the line as printed, and as it must read."""
    lines = []
    for row in rows:
        e = row.entry
        if e.verdict in (MISPRINT, WRONG, INCOMPLETE):
            p = row.printed
            off = "not computable" if isinstance(p, NotEvaluable) else f"off by {_figure(p)}"
            off = "" if p is None else off
            forms = _form("wrong", "printed", e.printed) + _form("right", "right", e.correct)
            lines.append((e.line or 0, _erratum(e.id, e.id, e.line, e.verdict, off, forms)))
    if not lines:
        return ""
    for s, _ in sections:
        if s.slip:
            forms = f"<p>{html.escape(s.slip)}</p>"
            text = _erratum(_anchor(s.title), "heading", s.line, MISPRINT, "", forms)
            lines.append((s.line or 0, text))
    body = "".join(text for _, text in sorted(lines, key=lambda pair: pair[0]))
    summary = f"<summary>Errata at a glance: {len(lines)}</summary>"
    return f'<details class="errata">{summary}<ul>{body}</ul></details>'


def _erratum(
    anchor: str, name: str, line: int | None, verdict: str, off: str, forms: str
) -> str:  # fmt: skip
    """One of the errata."""
    where = f'<a href="#{anchor}">{name}</a>' + (f" line {line}" if line else "")
    return f'<li><p>{where} <span class="{verdict}">{verdict}</span> {off}</p>{forms}</li>'


def _tutorial_links(folder: str) -> dict[str, str]:
    """{id: the place in the tutorials that speaks of it}, as HTML; a link if they are there."""
    links = {}
    for id, (name, section) in TUTORIALS.items():
        words = html.escape(f"tutorial {name[:2]}, {section}")
        where = html.escape(f"{folder}/{name}.ipynb")
        links[id] = f'<a href="{where}">{words}</a>' if folder else words
    return links


def _figure(x: float | None) -> str:
    """An error for reading."""
    if x is None:
        return "–"
    if x == 0:
        return "exact"
    return f"{x:.2g}" if 1e-3 <= x < 1e4 else f"{x:.1e}"


def _section(
    section: Section, rows: Sequence[Row], seed: int, ids: Collection[str],
    folder: pathlib.Path | None, links: Mapping[str, str],
) -> str:  # fmt: skip
    """One section with its prose and entries."""
    where = f" <span>line {section.line}</span>" if section.line and section.heading else ""
    heading = (
        f'<p class="heading"><code>{html.escape(section.heading)}</code>{where}</p>'
        if section.heading
        else ""
    )
    said = f"{section.remark} {section.slip}".strip()
    remark = f"<p>{html.escape(said)}</p>" if said else ""
    shown = {row.entry.id: _entry(row, seed, ids, links) for row in rows}
    blocks = section.blocks or [row.entry for row in rows]
    body = "".join(
        shown.get(b.id, "")
        if isinstance(b, Entry)
        else f'<div class="prose">{rendered(b, folder)}</div>'
        for b in blocks
    )
    return (
        f'<section id="{_anchor(section.title)}"><h2>{inline(section.title)}</h2>'
        f"{heading}{remark}{body}</section>"
    )


def _anchor(title: str) -> str:
    """A section's title as the name of its place."""
    return "section-" + "".join(c if c.isalnum() else "-" for c in title.lower())


def _entry(row: Row, seed: int, ids: Collection[str], links: Mapping[str, str]) -> str:
    """One entry; `ids` are those that stand on the page."""
    e = row.entry
    where = f'<span class="line">line {e.line}</span>' if e.line else ""
    state = "" if row.ok else '<span class="verdict fails">fails</span>'
    backward = _form("backward", "backward", e.gradient) if e.gradient else ""
    return (
        f'<article id="{e.id}" class="entry {e.verdict}{"" if row.ok else " failing"}" '
        f'data-tex="{html.escape(f"{e.printed} {e.correct} {e.gradient}")}">'
        f'<header><h3><a href="#{e.id}">{e.id}</a></h3>{where}'
        f'<span class="verdict {e.verdict}">{e.verdict}</span>{state}</header>'
        f"{_forms(row)}{_why(e, ids)}{_picture(e, seed)}{_measured(row)}{backward}{_code(e)}"
        f"{_elsewhere(links.get(e.id))}</article>"
    )


def _elsewhere(link: str | None) -> str:
    """Where a tutorial speaks of an entry."""
    return f'<p class="elsewhere">{link}</p>' if link else ""


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
    limits = {row.allowed} | ({GRADIENT} if row.gradient is not None else set())
    said, marks = [], [("allowed", "allowed", x) for x in limits if x is not None]
    if isinstance(row.printed, NotEvaluable):
        said.append(f"As printed it cannot be computed: {words(marked(row.printed.reason))}.")
    for name, text, role, error, part in (
        ("as printed", "As printed it is off by", "wrong", row.printed, "printed"),
        ("the form that must hold", "The form that must hold:", "right", row.correct, "form"),
        ("the gradient", "The gradient:", "plain", row.gradient, "gradient"),
    ):
        if isinstance(error, float) and np.isfinite(error):
            colour = "wrong" if part in row.failing else role
            said.append(f'{text} <b class="{colour}">{_figure(error)}</b>.')
            marks.append((name, colour, error))
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
    body = source.coloured(text)
    return f"<details><summary>{summary}</summary><pre><code>{body}</code></pre></details>"
