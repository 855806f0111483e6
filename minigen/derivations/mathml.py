"""Formulas as MathML Core, which every browser draws by itself: no script, no network."""

import html
import re

from minigen.derivations import symbols as known
from minigen.derivations.latex import parse

HUG = 'lspace="0em" rspace="0em"'  # an operator that keeps no distance
SIDES = {"binary": 0.22, "relation": 0.28}
PREFIX = ("start", "binary", "relation", "open", "punctuation")  # after these, a sign is a sign


def mathml(latex, display=True):
    """The <math> element of a formula."""
    block = ' display="block"' if display else ""
    return f"<math{block}>{row(parse(latex)[1])}</math>"


def prose(text):
    """A line of the notes as HTML: its $...$ and $$...$$ as mathematics, the rest as words.

    A line without dollar signs is a formula, unless it is a heading (#).
    """
    if text.startswith("#"):
        return html.escape(text)
    if "$" not in text:
        return mathml(text)
    if text.startswith("$$"):
        return mathml(text.strip("$"))
    parts = re.split(r"\$([^$]+)\$", text)
    return "".join(
        mathml(part, display=False) if k % 2 else html.escape(part) for k, part in enumerate(parts)
    )


def row(nodes, script=False):
    """The elements of a row; `script` where it is an index, which stands closer together."""
    out, before = [], "start"
    for node in nodes:
        out.append(element(node, before, script))
        if node[0] != "space":
            before = kind_of(node)
    return f"<mrow>{''.join(out)}</mrow>"


def kind_of(node):
    """What a following sign sees before it."""
    if node[0] == "symbol":
        return node[2]
    if node[0] == "sized":
        return node[3]
    return "relation" if node[0] == "arrow" else "ordinary"


def element(node, before="start", script=False):
    """The element of one node."""
    return DRAW[node[0]](node, before, script)


def inner(node, script=False):
    """A node as one element, as an argument must be."""
    return row(node[1], script) if node[0] == "row" else element(node, "start", script)


def letter(node, before, script):
    text, style = node[1], node[2]
    if style == "bold":
        return f'<mi mathvariant="normal" class="bold">{text}</mi>'
    if style == "upright":
        return f'<mi mathvariant="normal">{text}</mi>'
    table = {"script": known.SCRIPT, "double": known.DOUBLE}.get(style, {})
    text = table.get(text, text)
    upright = ' mathvariant="normal"' if text in "∞∂∇ΣΔΛΦΘ" or text in table.values() else ""
    return f"<mi{upright}>{text}</mi>"


def symbol(node, before, script):
    text, kind = html.escape(node[1]), node[2]
    if kind in ("open", "close", "bar"):
        return f'<mo stretchy="false" {HUG}>{text}</mo>'
    if kind == "punctuation":
        return f'<mo separator="true" lspace="0em" rspace="{0.1 if script else 0.2}em">{text}</mo>'
    if kind == "dots":
        return f'<mo lspace="0.1em" rspace="0.1em">{text}</mo>'
    side = SIDES.get(kind, 0)
    if (kind == "binary" and before in PREFIX) or script or kind == "ordinary":
        side = 0
    if text == "/" or (text == "|" and script):
        side = 0.05
    return f'<mo stretchy="false" lspace="{side}em" rspace="{side}em">{text}</mo>'


def function(node, before, script):
    left = "0em" if before in PREFIX else "0.17em"
    return f'<mo lspace="{left}" rspace="0.17em">{html.escape(node[1])}</mo>'


def large(node, before, script):
    word = node[1].isalpha()
    return (
        f'<mo movablelimits="{"false" if node[2] and not script else "true"}" '
        f'largeop="{"false" if word else "true"}" lspace="0.1em" rspace="0.17em">{node[1]}</mo>'
    )


def text(node, before, script):
    words = html.escape(node[1])
    return f"<mtext>{words.replace(' ', chr(0xA0))}</mtext>"


def scripts(node, before, script):
    _, base, below, above = node
    if base[0] == "brace" and below is not None:
        return f"<munder>{element(base)}{inner(below, True)}</munder>"
    limits = base[0] == "large" and base[2] and not script
    names = ("munder", "mover", "munderover") if limits else ("msub", "msup", "msubsup")
    parts = [inner(p, True) for p in (below, above) if p is not None]
    name = names[2] if len(parts) == 2 else names[0] if below is not None else names[1]
    return f"<{name}>{as_base(base, before, script)}{''.join(parts)}</{name}>"


def as_base(base, before, script):
    return inner(base, script) if base[0] == "row" else element(base, before, script)


def fence(node, before, script):
    _, left, nodes, right = node
    ends = [f'<mo fence="true" stretchy="true" {HUG}>{html.escape(c)}</mo>' if c else ""
            for c in (left, right)]  # fmt: skip
    return f"<mrow>{ends[0]}{row(nodes, script)}{ends[1]}</mrow>"


def sized(node, before, script):
    size = f'minsize="{node[2]}em" maxsize="{node[2]}em"'
    return f'<mo stretchy="true" symmetric="true" {size} {HUG}>{html.escape(node[1])}</mo>'


def matrix(node, before, script):
    rows = "".join(
        "<mtr>" + "".join(f"<mtd>{row(cell[1])}</mtd>" for cell in cells) + "</mtr>"
        for cells in node[1]
    )
    return f"<mrow><mo {HUG}>(</mo><mtable>{rows}</mtable><mo {HUG}>)</mo></mrow>"


DRAW = {
    "row": lambda n, b, s: row(n[1], s),
    "letter": letter,
    "number": lambda n, b, s: f"<mn>{n[1]}</mn>",
    "symbol": symbol,
    "function": function,
    "large": large,
    "text": text,
    "space": lambda n, b, s: f'<mspace width="{n[1]}em"></mspace>',
    "script": scripts,
    "frac": lambda n, b, s: f"<mfrac>{inner(n[1], s)}{inner(n[2], s)}</mfrac>",
    "sqrt": lambda n, b, s: f"<msqrt>{inner(n[1], s)}</msqrt>",
    "accent": lambda n, b, s: (
        f'<mover accent="true">{inner(n[2], s)}'
        f'<mo stretchy="false" {HUG}>{known.ACCENTS[n[1]]}</mo></mover>'
    ),
    "fence": fence,
    "sized": sized,
    "matrix": matrix,
    "brace": lambda n, b, s: f'<munder>{inner(n[1], s)}<mo stretchy="true">⏟</mo></munder>',
    "arrow": lambda n, b, s: (
        f'<mover><mo stretchy="true" lspace="0.28em" rspace="0.28em">→</mo>'
        f'<mpadded width="+0.8em" lspace="0.4em">{inner(n[1], True)}</mpadded></mover>'
    ),
    "over": lambda n, b, s: f"<mover>{inner(n[2], s)}{inner(n[1], True)}</mover>",
}
