"""Formulas as one line of text, for the terminal."""

import re

from minigen.derivations.page import symbols as known
from minigen.derivations.page.latex import parse

SPACED = ("binary", "relation")


def plain(text):
    """A line of the notes, or a formula, in one line of Unicode text."""
    if text.startswith("#"):
        return text
    if "$" not in text:
        return tidy(flat(parse(text)))
    parts = re.split(r"\$+([^$]+)\$+", text)
    return tidy("".join(flat(parse(p)) if k % 2 else p for k, p in enumerate(parts)))


def tidy(line):
    """Single spaces, none inside brackets."""
    line = re.sub(r"\s+", " ", line).strip()
    return re.sub(r"([(\[{]) ", r"\1", re.sub(r" ([)\]},])", r"\1", line))


def flat(node):
    """A node as text."""
    return WRITE[node[0]](node)


def joined(nodes):
    """A row: relations and binary operators have room, a sign has not."""
    out, before = "", "start"
    for node in nodes:
        word = flat(node)
        if node[0] == "symbol" and node[2] in SPACED:
            sign = node[2] == "binary" and before in ("start", *SPACED, "open", "punctuation")
            word = word if sign or word in ":|/" else f" {word} "
        elif node[0] == "function" or (node[0] == "large" and node[1].isalpha()):
            word = f" {word} " if out and out[-1].isalnum() else f"{word} "
        out += word
        before = node[2] if node[0] == "symbol" else "ordinary"
    return out


def grouped(node):
    """In brackets if it is more than one thing."""
    word = tidy(flat(node))
    return word if len(word) == 1 or re.fullmatch(r"[\w.]+", word) else f"({word})"


def index(mark, node):
    """_i, or _{i - 1} without its spaces."""
    if node is None:
        return ""
    word = tidy(flat(node)).replace(" ", "")
    if mark == "^" and word.strip("′") == "":
        return word
    return f"{mark}{word}" if len(word) == 1 else f"{mark}{{{word}}}"


WRITE = {
    "row": lambda n: joined(n[1]),
    "letter": lambda n: {"script": known.SCRIPT, "double": known.DOUBLE}.get(n[2], {}).get(
        n[1], n[1]
    ),
    "number": lambda n: n[1],
    "symbol": lambda n: n[1] + (" " if n[2] == "punctuation" else ""),
    "function": lambda n: n[1],
    "large": lambda n: n[1],
    "text": lambda n: n[1],
    "space": lambda n: " " if n[1] > 0.2 else "",
    "script": lambda n: flat(n[1]) + index("_", n[2]) + index("^", n[3]),
    "frac": lambda n: f"{grouped(n[1])}/{grouped(n[2])}",
    "sqrt": lambda n: f"√{grouped(n[1])}",
    "accent": lambda n: flat(n[2]) + known.COMBINING[n[1]],
    "fence": lambda n: n[1] + joined(n[2]) + n[3],
    "matrix": lambda n: "(" + "; ".join(", ".join(map(flat, cells)) for cells in n[1]) + ")",
    "brace": lambda n: flat(n[1]),
    "arrow": lambda n: f" —{tidy(flat(n[1]))}→ ",
    "over": lambda n: flat(n[2]),
}
