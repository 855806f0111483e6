"""Short HTML forms, which a notebook shows: escaped, self-contained, legible on light and dark.

Styles stand in the elements, colours are the page's own or fit both grounds, nothing is fetched.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from minigen.core import tree

FONT = "font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace"
QUIET = "opacity:.7"
BLUE, ORANGE = "#2b7fc4", "#d55e00"  # seen on white and on black
OPEN = 2  # levels of a tree that are unfolded
WIDE, HIGH = 320, 80  # of a curve, pixels
POINTS = 200  # of a curve


def box(inner: str) -> str:
    """A block in the font of code; what is too wide is scrolled."""
    return f'<div style="{FONT};overflow:auto hidden;padding-bottom:4px">{inner}</div>'


def quiet(text: object) -> str:
    """Words that matter less."""
    return f'<span style="{QUIET}">{escape(str(text))}</span>'


def folded(head: str, inner: str, unfolded: bool = False) -> str:
    """A line that opens."""
    opened = " open" if unfolded else ""
    return (f'<details{opened} style="margin-left:1.2em"><summary style="margin-left:-1.2em">{head}'
            f"</summary>{inner}</details>")  # fmt: skip


def table(rows: Iterable[Sequence[object]], header: Sequence[object] = ()) -> str:
    """A table of words."""
    cell = 'style="text-align:left;padding:0 1em 0 0;border:0"'
    lines = [*([("th", header)] if header else []), *(("td", row) for row in rows)]
    body = "".join(
        f"<tr>{''.join(f'<{tag} {cell}>{escape(str(c))}</{tag}>' for c in line)}</tr>"
        for tag, line in lines
    )
    return f'<table style="{FONT};border-collapse:collapse">{body}</table>'


def layer(node: Any) -> str:
    """A layer as a tree: each part with its class, its numbers, and how many are trained."""
    return box(_part("", node, 0))


def _part(name: str, node: Any, depth: int) -> str:
    """One node of the tree: its plain fields in its line, its arrays and parts below."""
    below, said = [], []
    for f in dataclasses.fields(node):
        value = getattr(node, f.name)
        parts = tree.branches(value)
        if isinstance(value, np.ndarray):
            kind = "" if f.metadata.get("kind") == "param" else ", kept"
            shape = " x ".join(map(str, value.shape)) or "a number"
            below.append(f"<div>{escape(f.name)} {quiet(f'{shape}{kind}')}</div>")
        elif parts:
            below += [_part(f.name + (f"[{k}]" if k else ""), v, depth + 1)
                      for k, v in parts.items()]  # fmt: skip
        elif value not in ((), None, f.default):
            said.append(f"{f.name}={_plain(value)}")
    head = f"{quiet(name)} " if name else ""
    head += f"<b>{escape(type(node).__name__)}</b>"
    head += f" {quiet(', '.join(said))}" if said else ""
    head += f" {_count(node)}"
    return folded(head, "".join(below), depth < OPEN) if below else f"<div>{head}</div>"


def _count(node: Any) -> str:
    """How many numbers a part trains."""
    n = sum(a.size for a in tree.flatten(tree.params(node)).values())
    kind = f", {tree.dtype(node)}" if n else ""
    return f'<span style="color:{BLUE}">{n:,} trained{kind}</span>' if n else ""


def _plain(value: object) -> str:
    """A value in a few words."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def curve(series: Sequence[tuple[Sequence[float], Sequence[float], str]], words: str) -> str:
    """Lines (x, y, colour) in one small picture; `words` is its text for who cannot see it.

    The first tenth is left out of the vertical range: a loss falls far at first.
    """
    lines = [(np.asarray(x, float), np.asarray(y, float), c) for x, y, c in series if len(x)]
    lines = [(x[ok], y[ok], c) for x, y, c in lines if (ok := np.isfinite(y)).any()]
    if not lines:
        return ""
    end = max(x[-1] for x, _, _ in lines)
    seen = np.concatenate([y[x >= end / 10] if (x >= end / 10).any() else y for x, y, _ in lines])
    low, high = float(seen.min()), float(seen.max())
    span = (high - low) or 1.0
    drawn = "".join(
        f'<polyline fill="none" stroke="{color}" stroke-width="1.5" points="'
        + " ".join(
            f"{4 + (WIDE - 8) * a / (end or 1):.1f},"
            f"{4 + (HIGH - 8) * float(np.clip((high - b) / span, 0, 1)):.1f}"
            for a, b in zip(x, y, strict=True)
        )
        + '"/>'
        for x, y, color in (_thinned(*line) for line in lines)
    )
    return (
        f'<svg role="img" aria-label="{escape(words, quote=True)}" width="{WIDE}" height="{HIGH}" '
        f'viewBox="0 0 {WIDE} {HIGH}" style="max-width:100%;display:block">'
        f'<path d="M4 4V{HIGH - 4}H{WIDE - 4}" fill="none" stroke="currentColor" opacity=".4"/>'
        f"{drawn}</svg>"
    )


def _thinned(x: np.ndarray, y: np.ndarray, color: str) -> tuple[np.ndarray, np.ndarray, str]:
    """At most POINTS points, each the mean of those that it stands for."""
    parts = min(POINTS, len(x))
    x, y = (np.array([p.mean() for p in np.array_split(a, parts)]) for a in (x, y))
    return x, y, color
