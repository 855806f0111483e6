"""The notes on the site: their page, what is printed for a lecture, and links from the code."""

import functools
import pathlib
import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from minigen.core import contract
from minigen.derivations import notes, runner
from minigen.derivations.equation import Entry
from minigen.derivations.page.handout import handout
from minigen.derivations.page.html import page
from site_parts import public
from site_parts.links import NOTES_PAGE, to_entry
from site_parts.slides import slides

HANDOUT, SLIDES = "corrected-notes.html", "slides.html"
log = logging.getLogger(__name__)


@functools.cache
def by_code() -> dict[str, list[Entry]]:
    """{public path: the entries whose code it is, or holds}."""
    found: dict[str, list[Entry]] = {}
    for e in notes.catalogue():
        for thing in e.code:
            name = f"{thing.__module__}.{thing.__qualname__}"
            for path in (name, name.rpartition(".")[0]):
                if (known := public.aliases().get(path)) and e not in found.get(known, ()):
                    found.setdefault(known, []).append(e)
    return found


class EntriesOf(SphinxDirective):
    """The equations of the notes that an object implements, with links to their checks."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        entries = by_code().get(self.arguments[0], [])
        if not entries:
            return []
        body: list[nodes.Node] = [nodes.rubric("", "Equations of the notes")]
        for e in entries:
            label = nodes.paragraph("", "", to_entry(e.id, self.env.docname), classes=["entry-id"])
            body += [label, *formula(e.correct)]
        return body


class Letters(SphinxDirective):
    """The letters at the top of `core/contract.py`, as a table."""

    def run(self) -> list[nodes.Node]:
        text = (contract.__doc__ or "").partition("The letters")[2]
        lines = re.findall(r"^    (\S.*?)(?<=[^,] )\s{1,}(.*)$", text, re.MULTILINE)
        pairs = ((names.strip(), what.replace("|", r"\|")) for names, what in lines)
        rows = "\n".join(f"| {names} | {what} |" for names, what in pairs)
        return self.parse_text_to_nodes(f"| letters | what they are |\n|---|---|\n{rows}")


def formula(text: str) -> list[nodes.Node]:
    """A line of the notes: a formula, or words with formulas among them."""
    if "$" not in text or text.startswith("$$"):
        latex = text.strip("$")
        return [nodes.math_block(latex, latex, nowrap=False, number=None)]
    parts = [
        nodes.math(part, part) if k % 2 else nodes.Text(part)
        for k, part in enumerate(re.split(r"\$+([^$]+)\$+", text))
        if part
    ]
    return [nodes.paragraph("", "", *parts)]


def pages(app: Sphinx, error: Exception | None) -> None:
    """Run every entry, and write the pages that are no part of the tree."""
    if error is not None or app.builder.format != "html":
        return
    out = pathlib.Path(app.outdir)
    rows = runner.run(seed=0)
    if bad := [row.entry.id for row in rows if not row.ok]:
        log.warning("entries of the notes that do not hold: %s", ", ".join(bad))
    text = page(rows, tutorials="tutorials")

    def moved(match: re.Match[str]) -> str:
        place = f"tutorials/{match[1]}.html"
        return f'<a href="{place}">{match[2]}</a>' if (out / place).is_file() else match[2]

    text = re.sub(r'<a href="tutorials/([^"]+)\.ipynb">(.*?)</a>', moved, text)
    home = '<p class="legend"><a href="index.html">minigen</a></p><h1>'
    (out / NOTES_PAGE).write_text(text.replace("<h1>", home, 1), encoding="utf-8")
    (out / HANDOUT).write_text(handout(notes.catalogue()), encoding="utf-8")
    (out / SLIDES).write_text(slides(), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("entries-of", EntriesOf)
    app.add_directive("letters", Letters)
    app.connect("build-finished", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
