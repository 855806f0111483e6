"""Words that are links wherever they stand in prose: papers, entries of the notes, tutorials."""

import re
from collections.abc import Iterator

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

from minigen.derivations.notes import catalogue
from site_parts.gather import ROOT
from site_parts.papers import PAPERS, Paper

NOTES_PAGE = "equations.html"
ENTRY = "|".join(sorted((re.escape(e.id) for e in catalogue()), key=len, reverse=True))
NAMES = {path.name[:2]: path.stem for path in (ROOT / "tutorials").glob("[0-9][0-9]_*.ipynb")}
PATTERN = re.compile(
    rf"(?P<entry>\b(?:{ENTRY})\b)|\b[Tt]utorials? (?P<tutorial>\d\d)\b"
    rf"|(?P<paper>{'|'.join(p.pattern for p in PAPERS)})"
)
WITHOUT = (
    nodes.literal, nodes.literal_block, nodes.doctest_block, nodes.reference, nodes.title,
    nodes.math, nodes.math_block, nodes.raw, pending_xref, nodes.citation, nodes.comment,
)  # fmt: skip


def above(docname: str) -> str:
    """The way from a page to the top of the site."""
    return "../" * docname.count("/")


def to_entry(id: str, docname: str) -> nodes.reference:
    """A link to an entry on the page of the notes."""
    return nodes.reference(id, id, refuri=f"{above(docname)}{NOTES_PAGE}#{id}", internal=True)


def named(text: str) -> Paper:
    """The paper that these words cite."""
    return next(p for p in PAPERS if re.fullmatch(p.pattern, text))


class Links(SphinxTransform):
    """Replace such words by links."""

    default_priority = 400

    def apply(self, **kwargs: object) -> None:
        for text in list(self.document.findall(nodes.Text)):
            if not inside(text) and PATTERN.search(text):
                text.parent.replace(text, list(self.parts(text)))

    def parts(self, text: str) -> Iterator[nodes.Node]:
        end = 0
        for match in PATTERN.finditer(text):
            if match.start() > end:
                yield nodes.Text(text[end : match.start()])
            yield self.link(match)
            end = match.end()
        if end < len(text):
            yield nodes.Text(text[end:])

    def link(self, match: re.Match[str]) -> nodes.Node:
        docname = self.env.docname
        if match["entry"]:
            return to_entry(match[0], docname)
        if match["tutorial"]:
            if match["tutorial"] not in NAMES:
                return nodes.Text(match[0])
            return self.xref("doc", f"/tutorials/{NAMES[match['tutorial']]}", match[0])
        return self.xref("ref", named(match[0]).key, match[0])

    def xref(self, kind: str, target: str, words: str) -> pending_xref:
        node = pending_xref(
            "", nodes.inline(words, words), refdomain="std", reftype=kind, reftarget=target,
            refexplicit=True, refdoc=self.env.docname, refwarn=True,
        )  # fmt: skip
        return node


def inside(node: nodes.Node) -> bool:
    """Whether a text stands where no link may."""
    parent = node.parent
    while parent is not None:
        if isinstance(parent, WITHOUT):
            return True
        parent = parent.parent
    return False


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_transform(Links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
