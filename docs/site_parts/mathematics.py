"""Mathematics as MathML, made when the site is built: no script, no network.

It is the renderer of the notes page. LaTeX that it cannot read is a warning, so it ends the build.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.nodes import get_node_line
from sphinx.writers.html5 import HTML5Translator

from minigen.derivations.page.mathml import mathml

log = logging.getLogger(__name__)


def drawn(node: nodes.Element, display: bool) -> str:
    """The formula of a node."""
    text = mathml(node.astext(), display)
    if text.startswith("<code"):
        where = (node.source, get_node_line(node))
        log.warning("LaTeX that cannot be read: %s", node.astext(), location=where)
    return text


def inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(f'<span class="math">{drawn(node, False)}</span>')
    raise nodes.SkipNode


def block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(f'<div class="math"><div class="scroll">{drawn(node, True)}</div></div>')
    raise nodes.SkipNode


def nothing(self: HTML5Translator, node: nodes.Element) -> None:
    """What follows a formula."""


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (inline, nothing), (block, nothing))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
