"""The page of `minigen check --html`: the notes from beginning to end, in one file.

Mathematics is MathML, plots are SVG, code is folded by <details>: no script and no network.
"""

import html
import importlib.metadata
import importlib.resources
import platform
import re

import numpy as np

from minigen.derivations.equation import NotEvaluable
from minigen.derivations.notes import sections_of
from minigen.derivations.page import source, svg
from minigen.derivations.page.highlight import highlighted
from minigen.derivations.page.latex_text import plain
from minigen.derivations.page.mathml import marked, mathml, prose, words
from minigen.derivations.runner import draw_of
from minigen.derivations.statement import CORRECT, INCOMPLETE, MISPRINT, WRONG

CSS = (
    importlib.resources.files("minigen.derivations.page")
    .joinpath("page.css")
    .read_text(encoding="utf-8")
)

TITLE = "The notes, executed"


def page(rows, seed=0):
    """The whole page for these rows, as text."""
    by_id = {row.entry.id: row for row in rows}
    sections = [
        (section, [by_id[e.id] for e in entries])
        for section, entries in sections_of([row.entry for row in rows])
    ]
    body = "".join(section_html(section, mine, seed, set(by_id)) for section, mine in sections)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{TITLE}</title><style>{CSS}</style></head><body>"
        f"{head(rows, sections, seed)}<main>{body}</main>{foot(rows, seed)}</body></html>\n"
    )


def head(rows, sections, seed):
    """Title, what this is, the table of contents, and the errata at a glance."""
    links = "".join(
        f'<li><a href="#{anchor(s.title)}">{html.escape(s.title)}</a> '
        f'<span class="count">{len(mine)}</span></li>'
        for s, mine in sections
    )
    bad = sum(not row.ok for row in rows)
    state = f"{bad} of {len(rows)} fail" if bad else f"all {len(rows)} entries hold"
    return (
        f'<header class="top"><h1>{TITLE}</h1><p class="lead">Every equation of the lecture notes '
        "stands here as printed and as it must read, beside the code that implements it and the "
        "figures a check has just measured. On this run "
        f'<strong class="{"fails" if bad else "holds"}">{state}</strong>.</p>'
        f"{LEGEND}<nav><h2>Contents</h2><ul>{links}</ul></nav>{errata(rows, sections)}</header>"
    )


LEGEND = (
    '<p class="legend">Each entry has a ruler of errors, logarithmic from 1e-17 to 100: '
    '<span class="wrong">✕</span> the printed form, <span class="right">●</span> the form that '
    'must hold, <span class="plain">◆</span> the hand-written gradient against the complex step, '
    '<span class="allowed">|</span> what is allowed. Whatever is exactly right stands at the '
    "left end.</p>"
)


def errata(rows, sections):
    """What the notes have wrong, one line each."""
    wrong = [row for row in rows if row.entry.verdict in (MISPRINT, WRONG, INCOMPLETE)]
    if not wrong:
        return ""
    lines = [(row.entry.line or 0, erratum(row)) for row in wrong]
    lines += [(s.line, slip(s)) for s, _ in sections if s.slip]
    body = "".join(text for _, text in sorted(lines, key=lambda pair: pair[0]))
    return (
        f'<details class="errata"><summary>Errata at a glance: {len(lines)}</summary>'
        "<table><thead><tr><th>id</th><th>line</th><th>verdict</th><th>off as printed</th>"
        f"<th>off as corrected</th></tr></thead><tbody>{body}</tbody></table></details>"
    )


def erratum(row):
    """One line of the errata."""
    e = row.entry
    cells = f'<td>{e.line or ""}</td><td class="{e.verdict}">{e.verdict}</td>'
    cells += f'<td class="figure">{printed_figure(row)}</td>'
    cells += f'<td class="figure">{figure(row.correct)}</td>'
    return f'<tr><td><a href="#{e.id}">{e.id}</a></td>{cells}</tr>'


def slip(section):
    """The same for a heading."""
    link = f'<a href="#{anchor(section.title)}">heading</a>'
    cells = f'<td>{section.line}</td><td class="misprint">misprint</td>'
    return f'<tr><td>{link}</td>{cells}<td colspan="2">{html.escape(section.slip)}</td></tr>'


def figure(x):
    """An error for reading."""
    if x is None:
        return "–"
    if x == 0:
        return "exact"
    return f"{x:.2g}" if 1e-3 <= x < 1e4 else f"{x:.1e}"


def printed_figure(row):
    """The error of the printed form for reading."""
    return "not computable" if isinstance(row.printed, NotEvaluable) else figure(row.printed)


def section_html(section, rows, seed, ids):
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
        f'<section id="{anchor(section.title)}"><h2>{html.escape(section.title)}</h2>'
        f"{heading}{remark}{''.join(entry_html(row, seed, ids) for row in rows)}</section>"
    )


def anchor(title):
    """A section's title as the name of its place."""
    return "section-" + "".join(c if c.isalnum() else "-" for c in title.lower())


def entry_html(row, seed, ids):
    """One entry; `ids` are those that stand on the page."""
    e = row.entry
    where = f'<span class="line">line {e.line}</span>' if e.line else ""
    return (
        f'<article id="{e.id}" class="entry {e.verdict}{"" if row.ok else " failing"}">'
        f'<header><h3><a href="#{e.id}">{e.id}</a></h3>{where}'
        f'<span class="verdict {e.verdict}">{e.verdict}</span>{state(row)}</header>'
        f"{forms(row)}{why(e, ids)}{picture(e, seed)}{measured(row)}"
        f"{gradient(e)}{code(e)}</article>"
    )


def state(row):
    """Whether it holds."""
    return "" if row.ok else '<span class="verdict fails">fails</span>'


def forms(row):
    """The printed form and the one that holds, or the one alone where they are the same."""
    e = row.entry
    if not e.printed:
        return form("right", "", e.correct)
    if e.verdict == CORRECT:
        more = plain(e.printed).strip("= ,") != plain(e.correct).strip("= ,")
        full = form("full", "in full", e.correct) if more else ""
        return form("right", "as printed", e.printed) + full
    return form("wrong", "as printed", e.printed) + form("right", "as it must read", e.correct)


def form(role, label, text):
    """One formula with its label; wide ones scroll inside their box."""
    caption = f"<span>{label}</span>" if label else ""
    return f'<div class="form {role}">{caption}<div class="scroll">{prose(text)}</div></div>'


def why(e, ids):
    """The reason; an entry that it names is linked to."""
    named = rf"\b({'|'.join(sorted(ids, key=len, reverse=True))})\b"
    text = re.sub(named, r'<a href="#\1">\1</a>', words(marked(e.why)))
    return f'<p class="why">{text}</p>' if text else ""


def picture(e, seed):
    """Its figure; where the code it draws with is broken, the entries that say so are enough."""
    try:
        return e.figure(draw_of(e, seed)) if e.figure else ""
    except Exception as error:
        return f'<p class="why">No picture: {html.escape(f"{type(error).__name__}: {error}")}</p>'


def measured(row):
    """The ruler and its figures in words."""
    said, marks = [], [("allowed", "allowed", row.entry.tolerance)]
    if isinstance(row.printed, NotEvaluable):
        said.append(f"As printed it cannot be computed: {words(marked(row.printed.reason))}.")
    elif row.printed is not None:
        said.append(f'As printed it is off by <b class="wrong">{figure(row.printed)}</b>.')
        marks.append(("as printed", "wrong", row.printed))
    if row.correct is not None and np.isfinite(row.correct):
        said.append(f'The form that must hold: <b class="right">{figure(row.correct)}</b>.')
        marks.append(("the form that must hold", "right", row.correct))
    if row.gradient is not None and np.isfinite(row.gradient):
        said.append(f'The gradient: <b class="plain">{figure(row.gradient)}</b>.')
        marks.append(("the gradient", "plain", row.gradient))
    if row.note:
        said.append(f"{html.escape(row.note[0].upper() + row.note[1:])}.")
    trouble = "".join(f'<pre class="trouble">{html.escape(p)}</pre>' for p in row.problems)
    return f'{svg.ruler(marks)}<p class="measured">{" ".join(said)}</p>{trouble}'


def gradient(e):
    """The backward pass in mathematics."""
    if not e.gradient:
        return ""
    return (
        '<div class="form backward"><span>backward</span>'
        f'<div class="scroll">{mathml(e.gradient)}</div></div>'
    )


def code(e):
    """What implements it, and the check itself, each folded away."""
    parts = [fold(f"<code>{name}</code> <span>{place}</span>", text)
             for name, place, text in source.listing(e)]  # fmt: skip
    parts.append(fold("the check", source.check_text(e)))
    return f'<div class="code">{"".join(parts)}</div>'


def fold(summary, text):
    body = f"<pre><code>{highlighted(text)}</code></pre>"
    return f"<details><summary>{summary}</summary>{body}</details>"


def foot(rows, seed):
    """How to make this page again."""
    seconds = sum(row.seconds for row in rows)
    return (
        f"<footer><p>Made by <code>minigen check --html FILE --seed {seed}</code>, minigen "
        f"{importlib.metadata.version('minigen')}, Python {platform.python_version()}, NumPy "
        f"{np.__version__}, in {seconds:.1f} s. Errors of correct forms and gradients are the "
        "largest over the draws, those of printed forms the smallest.</p></footer>"
    )
