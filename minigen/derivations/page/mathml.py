"""Formulas as MathML Core, which every browser draws by itself: no script, no network.

latex2mathml reads the LaTeX. What it leaves to a renderer stands here: the room around operators
by TeX's classes, letters of other alphabets, limits, accents, and where a long line may break.
"""

import contextlib
import html
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert

REWRITES = (  # LaTeX that the library reads in part only
    (r"<(?=\S)", "< "),  # words are never markup
    (r"(?<!\\)\\\n\s*", r"\\ "),  # a control space at the end of a line
    (r"\\not\s*=", r"\\ne "),
    (r"\\arg(?![A-Za-z])", r"\\operatorname{arg}"),
    (r"\\operatorname\*", r"\\operatorname"),
    (r"(\\(?:math(?:bf|bb|cal|frak|it|rm|scr|sf)|boldsymbol))\s*(\\[A-Za-z]+|\w)", r"\1{\2}"),
    (r"(\\begin\{[a-zA-Z]?matrix\})", r"{\1"),
    (r"(\\end\{[a-zA-Z]?matrix\})", r"\1}"),
    (r"\{(?:align(?:ed)?|equation|gather(?:ed)?|split)\}", r"{align*}"),
)
CHARACTERS = {"~": "∼", "*": "∗", "⟶": "→", r"\|": "‖", r"\Vert": "‖", r"\vert": "|"}
ORDINARY = set("∞∂∇∀∃∅¬ℓ⊤∠△ΓΔΘΛΞΠΣΦΨΩ")
BINARY = set("+−±∓·×⊙⊘∘∗⋆∪∩⊕⊖⊗∧∨⧵•†")
OPEN, CLOSE = set("([{⟨⌊⌈"), set(")]}⟩⌋⌉")
BREAKS = set("=≥≤→⟺⇒≈∼")
NO_SIGN_BEFORE = set(")]}⟩⌋⌉!?.…⋯⋮⋱′″‴")  # a minus after these is a difference
LARGE = set("∑∏⋃⋂")
LIMITS = {"max", "min", "sup", "inf", "lim", "argmax", "argmin", "limsup", "liminf"}
ACCENTS = {  # as the library writes them: the mark over a letter, and the one that stretches
    "¯": "¯\u0332", "―": "¯\u0332", "^": "ˆ\u0302", "~": "˜˜", "˙": "˙˙", "¨": "¨¨",
    "→": "\u20d7\u20d7",
}  # fmt: skip
PRIMES = ("′", "″", "‴")
TALL = {"mfrac", "mtable", "munder", "munderover", "mroot"}
RELATION = (0.28, 0.28)  # to the left and right, in em
ROOM = {
    **dict.fromkeys(("", "‖", *OPEN, *NO_SIGN_BEFORE), (0.0, 0.0)),
    **dict.fromkeys(",;", (0.0, 0.2)),
    **dict.fromkeys("|/", (0.08, 0.08)),
    **dict.fromkeys("…⋯⋮⋱", (0.1, 0.1)),
    **dict.fromkeys((*LARGE, *"∫∬∮"), (0.1, 0.17)),
    **dict.fromkeys(BINARY, (0.22, 0.22)),
}
SCRIPTS = {"msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3}
GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "eta", "theta", "lambda", "mu", "nu", "pi",
    "rho", "sigma", "tau", "phi", "psi", "omega",
}  # fmt: skip
LONG, SHORT = 34, 8  # characters: about what a phone shows; too few for a line of their own


def mathml(latex: str, display: bool = True) -> str:
    """A formula as one <math> element, or, displayed, as several between which a line may break.

    LaTeX that cannot be read is shown as it is.
    """
    row = tree(latex)
    if row is None:
        return f'<code class="latex">{html.escape(latex.strip())}</code>'
    if not display:
        return f"<math>{_written([row])}</math>"
    drawn = []
    for part, apart in _pieces(list(row)):
        gap = ' class="apart"' if apart else ""
        drawn.append(f'<math displaystyle="true"{gap}>{_written(part)}</math>')
    return "<wbr>".join(drawn)


def prose(text: str) -> str:
    """A line of the notes as HTML: its $...$ and $$...$$ as mathematics, the rest as words.

    A line without dollar signs is a formula, unless it is a heading (#).
    """
    if text.startswith("#"):
        return html.escape(text)
    if "$" not in text or text.startswith("$$"):
        return mathml(text.strip("$"))
    return words(text, display=True)


def words(text: str, display: bool = False) -> str:
    """Words as HTML, with $...$ among them as mathematics."""
    parts = re.split(r"\$([^$]+)\$", text)
    return "".join(
        mathml(part, display) if k % 2 else html.escape(part) for k, part in enumerate(parts)
    )


def marked(text: str) -> str:
    """Plain words with their indexed letters, x_{t-1} or alpha_t, between dollar signs."""

    def dollars(match: re.Match[str]) -> str:
        return f"$\\{match[0]}$" if match[1] in GREEK else f"${match[0]}$"

    return re.sub(r"(?<![\w$\\])([A-Za-z]+)_(\{[^}]*\}|\w)", dollars, text)


def tree(latex: str) -> Element | None:
    """The <mrow> of a formula with the room around its operators, or None if it cannot be read."""
    braces = re.sub(r"\\.", "", latex)
    if braces.count("{") != braces.count("}"):
        return None
    for pattern, text in REWRITES:
        latex = re.sub(pattern, text, latex)
    try:
        source = convert(_paired(latex), xmlns="", display="block")
        row = ElementTree.fromstring(source)[0]
        _tidy(row, script=False)
    except Exception:  # the library's errors have no class in common
        return None
    return row


def _paired(latex: str) -> str:
    """\\big brackets as \\left and \\right ones, if each has its partner."""
    is_open: list[str] = []

    def replaced(match: re.Match[str]) -> str:
        bracket = match[1]
        if bracket in (")", "]", r"\}", r"\rangle") or is_open[-1:] == [bracket]:
            is_open.pop()
            return rf"\right{bracket}"
        is_open.append(bracket)
        return rf"\left{bracket}"

    try:
        text = re.sub(r"\\[bB]igg?[lr]?(\\[A-Za-z]+|\\.|[^A-Za-z\s])", replaced, latex)
    except IndexError:
        return latex
    return latex if is_open else text


def core(node: Element) -> Element:
    """The symbol that an element is about: x of x_i, the sign of a sum with limits."""
    single = node.tag in SCRIPTS or (node.tag in ("mrow", "mstyle") and len(node) == 1)
    return core(node[0]) if single else node


def room(node: Element) -> list[float]:
    """What an operator leaves free to its left and right, in em."""
    return [float(node.get(side, "0em")[:-2]) for side in ("lspace", "rspace")]


def _tidy(node: Element, script: bool) -> None:
    """Make an element, and all in it, what a browser draws well."""
    if node.tag in ("mi", "mn", "mo"):
        return _tidy_token(node)
    if node.tag == "menclose" or (node.tag in SCRIPTS and len(node) != SCRIPTS[node.tag]):
        raise ValueError("no browser draws this")
    if node.tag == "mover" and node[1].tag == "mpadded":  # \xrightarrow
        node[0], node[1] = core(node[0]), node[1][0]
        node[0].set("stretchy", "true")
        node[1].set("class", "label")
    if node.tag in ("mover", "munder") and node[1].text in ACCENTS:
        node.set("accent" if node.tag == "mover" else "accentunder", "true")
        node[1].text = ACCENTS[node[1].text][len(core(node[0])) > 0]
        node[1].attrib = {"stretchy": "true"}
        return _tidy(node[0], script)
    if node.tag in ("msup", "msubsup") and (node[-1].text or "") in PRIMES:
        node[0] = _row(node[0], node[-1])  # the glyph is small and raised already
        del node[-1]
        node.tag = "msub" if len(node) == 2 else "mrow"
    for k, child in enumerate(node):
        _tidy(child, script or (k > 0 and node.tag in (*SCRIPTS, "mroot")))
    if node.tag in SCRIPTS:
        if core(node).get("movablelimits"):
            node.tag = node.tag.replace("msubsup", "munderover").replace("msub", "munder")
        return
    _space(list(node), script)
    if node.tag == "mrow" and not TALL & {part.tag for part in node.iter()}:
        for bracket in node.findall("mo[@form]"):  # of \left and \right
            bracket.set("stretchy", "false")


def _row(*nodes: Element) -> Element:
    row = Element("mrow")
    row.extend(nodes)
    return row


def _tidy_token(node: Element) -> None:
    """A letter, a number or an operator, told apart by its characters."""
    text = node.text or ""
    variant = node.get("mathvariant", "normal")
    if variant != "normal":
        node.attrib.pop("mathvariant")
        text = _styled(text, variant)
    text = CHARACTERS.get(text, text)
    if text.startswith("\\") or (node.tag == "mi" and text in set("{}#&$")):
        raise ValueError(f"unknown LaTeX: {text}")
    if text.isdigit():
        node.tag = "mn"
    elif len(text) > 1:
        node.tag, text = "mo", re.sub(r"\s", " ", text)
        if text.replace(" ", "") in LIMITS:
            node.set("movablelimits", "true")
    elif text in LARGE:
        node.set("movablelimits", "true")
    elif text in ORDINARY:
        node.tag = "mi"
        node.set("mathvariant", "normal")
    elif node.tag == "mi" and text and not text.isalnum():
        node.tag = "mo"
        node.set("stretchy", "false")
    elif "minsize" in node.attrib:
        node.attrib |= {"stretchy": "true", "symmetric": "true"}
    node.text = text


def _styled(text: str, variant: str) -> str:
    """Letters of another alphabet: bold, script, double-struck, bold-italic."""
    if len(text) != 1:
        return text
    style = variant.upper().replace("BOLD-", "BOLD ")
    name = re.sub("LATIN |GREEK | LETTER", "", unicodedata.name(text))
    for prefix in ("MATHEMATICAL ", ""):  # some stood in Unicode before the others came
        with contextlib.suppress(KeyError):
            return unicodedata.lookup(f"{prefix}{style} {name}")
    return text


def _space(nodes: Sequence[Element], script: bool) -> None:
    """Set the room around the operators of a row."""
    before = "operator"
    for node, after in itertools.zip_longest(nodes, nodes[1:]):
        if node.tag == "mspace" or (node.tag == "mtext" and not (node.text or "").strip()):
            continue
        symbol = core(node)
        kind = _kind(symbol)
        if symbol.tag == "mo":
            left, right = ROOM.get(symbol.text or "", RELATION)
            if kind == "function":
                left = 0.17 if before == "ordinary" else 0.0
                right = 0.0 if after is None or _opens(after) else 0.17
            elif script or (kind == "binary" and before not in ("ordinary", "bar")):
                left, right = 0.0, right / 2 if kind == "comma" else 0.0
            symbol.set("lspace", f"{left}em")
            symbol.set("rspace", f"{right}em")
        before = kind


def _kind(node: Element) -> str:
    """What a symbol is for the one that follows it."""
    text = node.text or ""
    if text in ("|", "‖"):
        return "bar"
    if node.tag != "mo" or text in NO_SIGN_BEFORE:
        return "ordinary"
    if len(text) > 1:
        return "function"
    return "binary" if text in BINARY else "comma" if text in (",", ";") else "operator"


def _opens(node: Element) -> bool:
    """Whether an element starts with a bracket."""
    first = core(node)
    return first.text in OPEN or (first.tag == "mrow" and len(first) > 0 and _opens(first[0]))


def _pieces(nodes: list[Element]) -> Iterator[tuple[list[Element], bool]]:
    """The parts a displayed formula may be broken into, and whether a gap follows.

    It is cut at wide spaces, and where a statement is long also in between.
    """
    wide = [k for k, node in enumerate(nodes) if is_wide(node)]
    for a, b in itertools.pairwise([-1, *wide, len(nodes)]):
        parts = [p for part in _cut(nodes[a + 1 : b], False) for p in _cut(part, True)]
        for part in parts:
            yield part, part is parts[-1] and b < len(nodes)


def is_wide(node: Element) -> bool:
    """Whether it is a space between two statements."""
    return node.tag == "mspace" and node.get("width") in (None, "1em", "2em")


def _cut(nodes: list[Element], signs: bool) -> list[list[Element]]:
    """A statement in parts, if it is long: before relations, then before its + and - too."""
    cuts = _places(nodes, signs) if _width(nodes) > LONG else ()
    return [nodes[a:b] for a, b in itertools.pairwise([0, *cuts, len(nodes)]) if a < b]


def _places(nodes: list[Element], signs: bool) -> Iterator[int]:
    """Where a line may end, outside of brackets: after , and :, before = and the like.

    A short left side is not left alone on its line.
    """
    depth, start = 0, 0
    for k, node in enumerate(nodes[:-1]):
        symbol, text = core(node), core(node).text or ""
        depth += (text in OPEN) - (text in CLOSE)
        if depth or symbol.tag != "mo":
            continue
        if text in (",", ";", ":"):
            yield (start := k + 1)
            continue
        sign = signs and text in ("+", "−") and room(symbol)[0] > 0
        if (sign or text in BREAKS) and _width(nodes[start:k]) >= SHORT:
            yield k


def _width(nodes: Iterable[Element]) -> float:
    """About how many characters wide a row is."""
    return sum(_width_of(node) for node in nodes)


def _width_of(node: Element) -> float:
    if len(node) == 0:
        return 1.0 if node.tag == "mspace" else len(node.text or "") + 2 * sum(room(node))
    if node.tag == "mfrac":
        return max(map(_width_of, node))
    if node.tag in SCRIPTS:
        beside = (
            0.0 if {"accent", "accentunder"} & set(node.keys()) else max(map(_width_of, node[1:]))
        )
        return _width_of(node[0]) + 0.7 * beside
    return _width(node)


def _written(nodes: Sequence[Element]) -> str:
    """Elements as text, in one row."""
    row = nodes[0] if len(nodes) == 1 else _row(*nodes)
    return ElementTree.tostring(row, encoding="unicode", short_empty_elements=False)
