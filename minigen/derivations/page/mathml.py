"""Formulas as MathML Core, which every browser draws by itself: no script, no network."""

import html
import itertools
import re

from minigen.derivations.page import symbols as known
from minigen.derivations.page.latex import parse
from minigen.derivations.page.latex_text import joined

HUG = 'lspace="0em" rspace="0em"'  # an operator that keeps no distance
SIDES = {"binary": 0.22, "relation": 0.28}
BOX = {"(": "par", ")": "par", "[": "bra", "]": "bra", "|": "bar", "‖": "dbl"}
DEPTH = {"open": 1, "close": -1}
LONG, SHORT = 44, 10  # characters: about what a phone shows; too few for a line of their own
PREFIX = ("start", "binary", "relation", "open", "punctuation")  # after these, a sign is a sign


def mathml(latex, display=True):
    """A formula as one <math> element, or, displayed, as several that may be broken into lines."""
    nodes = parse(latex)[1]
    if not display:
        return f"<math>{row(nodes)}</math>"
    return "<wbr/>".join(f"<math{shown}>{row(part)}</math>" for shown, part in pieces(nodes))


def pieces(nodes):
    """(attributes, nodes) of the parts a displayed formula may be broken into.

    It is cut at wide spaces, and where a statement is long also in between.
    """
    parts = statements(nodes)
    for k, statement in enumerate(parts):
        cuts = breaks(statement) if len(joined(statement)) > LONG else []
        ends = [*cuts, len(statement)]
        for a, b in itertools.pairwise([0, *ends]):
            more = b == ends[-1] and k < len(parts) - 1
            yield ' displaystyle="true"' + (' class="apart"' if more else ""), statement[a:b]


def statements(nodes):
    """The nodes between wide spaces."""
    parts = [[]]
    for node in nodes:
        if node[0] == "space" and node[1] >= 1:
            parts.append([])
        else:
            parts[-1].append(node)
    return [part for part in parts if part]


def breaks(nodes):
    """Where a line may end, outside of brackets: after , and :, before =, <=, -> and the like.

    A short left side is not left alone on its line.
    """
    depth, places, start = 0, [], 0
    for k, node in enumerate(nodes[:-1]):
        symbol = node[0] == "symbol"
        depth += DEPTH.get(node[2], 0) if symbol else 0
        if depth == 0 and symbol and (node[2] == "punctuation" or node[1] == ":"):
            start = k + 1
            places.append(start)
        relation = node[0] == "arrow" or (symbol and node[1] in "=≥≤→⟺⇒≈∼")
        if depth == 0 and relation and len(joined(nodes[start:k])) >= SHORT:
            places.append(k)
    return places


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
    return words(text, display=True)


def words(text, display=False):
    """Words as HTML, with $...$ among them as mathematics."""
    parts = re.split(r"\$([^$]+)\$", text)
    return "".join(
        mathml(part, display) if k % 2 else html.escape(part) for k, part in enumerate(parts)
    )


def marked(text):
    """Plain words with their indexed letters, x_{t-1} or alpha_t, between dollar signs."""

    def dollars(match):
        base = match[1]
        return f"$\\{match[0]}$" if base in known.LETTERS else f"${match[0]}$"

    return re.sub(r"(?<![\w$\\])([A-Za-z]+)_(\{[^}]*\}|\w)", dollars, text)


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
    if text in "/|":
        side = 0.05 if script else 0.13
    return f'<mo stretchy="false" lspace="{side}em" rspace="{side}em">{text}</mo>'


def function(node, before, script):
    left = "0em" if before in PREFIX else "0.17em"
    return f'<mo lspace="{left}" rspace="0.17em">{html.escape(node[1])}</mo>'


def large(node, before, script):
    word = node[1].isalpha()
    sign = "" if word else ' class="sign"'
    return (
        f'<mo{sign} movablelimits="{"false" if node[2] and not script else "true"}" '
        f'largeop="{"false" if word else "true"}" lspace="0.1em" rspace="0.17em">{node[1]}</mo>'
    )


def text(node, before, script):
    words = html.escape(node[1])
    return f"<mtext>{words.replace(' ', chr(0xA0))}</mtext>"


def scripts(node, before, script):
    _, base, below, above = node
    if below is None and above[0] == "symbol" and above[1].strip("′") == "":
        return f"<mrow>{as_base(base, before, script)}<mo {HUG}>{above[1]}</mo></mrow>"
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
    """Brackets as tall as what they hold.

    Beside the stretchy operator, which needs a font made for mathematics, the class names a
    border that style.py draws in browsers that have none (see there).
    """
    _, left, nodes, right = node
    classes = " ".join(f"{side}-{BOX[c]}" for side, c in (("l", left), ("r", right)) if c in BOX)
    return f'<mrow class="{classes}">{delimiter(left)}{row(nodes, script)}{delimiter(right)}</mrow>'


def delimiter(text):
    """One stretchy bracket, or nothing for the invisible one."""
    if not text:
        return ""
    drawn = ' class="glyph"' if text in BOX else ""
    return f'<mo{drawn} fence="true" stretchy="true" {HUG}>{html.escape(text)}</mo>'


def matrix(node, before, script):
    rows = "".join(
        "<mtr>" + "".join(f"<mtd>{row(cell[1])}</mtd>" for cell in cells) + "</mtr>"
        for cells in node[1]
    )
    inside = f"<mtable>{rows}</mtable>"
    return f'<mrow class="l-par r-par">{delimiter("(")}{inside}{delimiter(")")}</mrow>'


def accent(node, before, script):
    mark = known.ACCENTS[node[1]]
    what = ' class="over"' if node[1] == "bar" else ""
    glyph = ' class="glyph"' if node[1] == "bar" else ""
    over = f'<mo{glyph} stretchy="false" {HUG}>{mark}</mo>'
    return f'<mover{what} accent="true">{inner(node[2], script)}{over}</mover>'


def brace(node, before, script):
    mark = '<mo class="glyph" stretchy="true">⏟</mo>'
    return f'<munder class="brace">{inner(node[1], script)}{mark}</munder>'


def arrow(node, before, script):
    label = f'<mrow class="label">{inner(node[1], True)}</mrow>'
    return f'<mover><mo stretchy="true" lspace="0.28em" rspace="0.28em">⟶</mo>{label}</mover>'


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
    "accent": accent,
    "fence": fence,
    "matrix": matrix,
    "brace": brace,
    "arrow": arrow,
    "over": lambda n, b, s: f"<mover>{inner(n[2], s)}{inner(n[1], True)}</mover>",
}
