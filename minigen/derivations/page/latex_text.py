"""Formulas as one line of text, for the terminal.

What is printed means what was stated: accents, indices and the brackets of fractions are kept. A
formula with something that has no such form is printed as its LaTeX.
"""

import itertools
import re
import unicodedata
from collections.abc import Sequence, Set
from xml.etree.ElementTree import Element

from minigen.derivations.page.mathml import CLOSE, OPEN, PRIMES, SCRIPTS, core, is_wide, room, tree

ACCENTS = {  # the mark as it is drawn: the character that combines, and its name
    "¯": ("\u0304", "bar"), "\u0332": ("\u0304", "bar"), "˜": ("\u0303", "tilde"),
    "ˆ": ("\u0302", "hat"), "\u0302": ("\u0302", "hat"), "˙": ("\u0307", "dot"),
    "¨": ("\u0308", "ddot"), "\u20d7": ("\u20d7", "vec"),
}  # fmt: skip
BRACES = ("⏟", "⏞")
ROWS = ("mrow", "mstyle", "mtd", "mpadded")
BESIDE = set("=≥≤<>≠≈∼→↦⇒⟺+−·×,;:")  # a fraction beside these needs no brackets


def plain(text: str) -> str:
    """A line of the notes, or a formula, in one line of Unicode text."""
    if text.startswith("#"):
        return text
    if "$" not in text:
        return formula(text)
    parts = re.split(r"\$+([^$]+)\$+", text)
    return _tidy("".join(formula(p) if k % 2 else p for k, p in enumerate(parts)))


def formula(latex: str) -> str:
    """A formula as text, or its LaTeX if there is no text that means the same."""
    row = tree(latex)
    try:
        return latex.strip() if row is None else _tidy(_flat(row))
    except KeyError:
        return latex.strip()


def _tidy(line: str) -> str:
    """Single spaces, none inside brackets."""
    line = re.sub(r" *\u2003 *", "\u2003", re.sub(r"[ \n]+", " ", line)).replace("\u2003", "  ")
    line = re.sub(r"([(\[{]) ", r"\1", re.sub(r" ([)\]},;])", r"\1", line)).strip()
    return unicodedata.normalize("NFC", line)


def _flat(node: Element) -> str:
    """An element as text."""
    if node.tag in ROWS:
        return _joined(list(node))
    if node.tag in SCRIPTS:
        return _with_scripts(node)
    return WRITE[node.tag](node)


def _operator(node: Element) -> str:
    left, right = (" " if em > 0.15 else "" for em in room(node))
    return left + (node.text or "") + right


def _joined(nodes: Sequence[Element]) -> str:
    """A row. A fraction that is a factor of a product stands in brackets."""
    out = ""
    for k, node in enumerate(nodes):
        word, symbol = _flat(node), core(node)
        if symbol.tag in ("mfrac", "msqrt") and node.tag not in SCRIPTS:
            before = _factor(nodes[k - 1 :: -1] if k else (), OPEN)
            after = _factor(nodes[k + 1 :], CLOSE)
            bare = symbol.tag == "msqrt" or "linethickness" in symbol.attrib
            word = f"({word})" if (before or after) and not bare else word
            word = " " * before + word + " " * after
        index = k > 0 and nodes[k - 1].tag in SCRIPTS and "accent" not in nodes[k - 1].attrib
        gap = index and out[-1:].isalnum() and word[:1].isalnum()  # x_i y, not x_iy
        out += " " * gap + word
    return out


def _factor(nodes: Sequence[Element], brackets: Set[str]) -> bool:
    """Whether a row starts with something that a fraction before it is multiplied with."""
    for node in nodes:
        if node.tag not in ("mspace", "mtext") or (node.text or "").strip():
            return core(node).text not in BESIDE | brackets and "form" not in core(node).attrib
        if is_wide(node):
            return False
    return False


def _grouped(node: Element) -> str:
    """In brackets if it is more than one symbol with its indices."""
    word, base = _tidy(_flat(node)), core(node)
    fenced = len(base) > 1 and all("form" in base[k].attrib for k in (0, -1))
    name = all(part.get("mathvariant") == "normal" for part in base)
    primed = len(base) == 2 and base[1].text in PRIMES and core(base[0]).tag == "mi"
    single = base.tag in ("mi", "mn", "mtext") or (
        base.tag == "mrow" and (fenced or name or primed)
    )
    return word if single or _enclosed(word) else f"({word})"


def _enclosed(word: str) -> bool:
    """Whether the first bracket is closed by the last."""
    depths = list(itertools.accumulate((c == "(") - (c == ")") for c in word))
    return word[:1] == "(" and depths[-1] == 0 and 0 not in depths[:-1]


def _with_scripts(node: Element) -> str:
    """x_i^2, x_{i−1}, ȳ; a label of a brace or an arrow."""
    base, *scripts = node
    mark = scripts[-1].text or ""
    if "accent" in node.attrib:
        (combining, name), word = ACCENTS[mark], _flat(base)
        single = word and all(map(unicodedata.combining, word[1:]))
        return word + combining if single else f"{name}({_tidy(word)})"
    if "accentunder" in node.attrib:
        return f"underline({_tidy(_flat(base))})"
    if mark in BRACES:
        return _flat(base)
    label = _tidy(_flat(scripts[0]))
    if scripts[0].get("class") == "label":
        return f" —{label}→ "
    if base.tag in ("munder", "mover") and base[1].text in BRACES:
        return f"{_grouped(base[0])} [{label}]"
    kinds = "_^" if len(scripts) == 2 else "_" if node.tag in ("msub", "munder") else "^"
    word = _flat(base) if core(base).tag == "mo" else _grouped(base)
    if "^" in kinds and "^" in word and not _enclosed(word):
        word = f"({word})"
    trail = " " if word.endswith(" ") else ""
    return word.rstrip() + "".join(map(_index, kinds, scripts)) + trail


def _index(mark: str, node: Element) -> str:
    """_i, or _{i − 1} without its spaces."""
    word = _tidy(_flat(node))
    word = word if re.search(r"[A-Za-z]{2}", word) else word.replace(" ", "")
    return f"{mark}{word}" if len(word) == 1 else f"{mark}{{{word}}}"


def _table(table: Element) -> str:
    """Rows with ; between them, cells with a comma; those of an equation with nothing."""
    aligned = any(cell.get("columnalign") == "right" for cell in table.iter("mtd"))
    comma = " " if aligned else ", "
    return "; ".join(comma.join(map(_flat, row)) for row in table)


WRITE = {
    "mi": lambda n: n.text or "",
    "mn": lambda n: n.text or "",
    "mtext": lambda n: (n.text or "").replace("\xa0", " "),
    "mo": _operator,
    "mspace": lambda n: "\u2003" if is_wide(n) else "" if n.get("width", "")[:1] in "n-" else " ",
    "mfrac": lambda n: (" over " if "linethickness" in n.attrib else "/").join(map(_grouped, n)),
    "msqrt": lambda n: f"√{_grouped(n if len(n) > 1 else n[0])}",
    "mroot": lambda n: f"root({_tidy(_flat(n[0]))}, {_tidy(_flat(n[1]))})",
    "mtable": _table,
}
