"""The page of a class: how it did, what failed most and why, and what the instructor should see."""

import collections
import html
import itertools
import pathlib
import re
import statistics
import string
from collections.abc import Iterable, Sequence
from typing import Any

Record = dict[str, Any]
PAGE = pathlib.Path(__file__).with_name("class.html")
ALIKE = 0.85  # of the runs of eight nodes that two files have, shared ones


def page(records: Sequence[Record]) -> str:
    """The class as HTML; every text of a student's is escaped."""
    scores = [r["earned"] for r in records]
    points = records[0]["points"] if records else 0
    facts = {
        "title": html.escape(records[0]["title"] if records else "No submissions"),
        "count": len(records),
        "mean": f"{statistics.fmean(scores):.1f}" if scores else "-",
        "median": f"{statistics.median(scores):g}" if scores else "-",
        "points": f"{points:g}",
        "histogram": histogram(scores, points),
        "parts": rows(_parts(records)),
        "alike": rows(_alike(records)) or "<tr><td>none</td></tr>",
        "flags": rows(_noted(records, "flags")) or "<tr><td>none</td></tr>",
        "notes": rows(_noted(records, "notes")) or "<tr><td>none</td></tr>",
        "students": rows([link(r), *_score(r), _linked(r, "viva", "viva sheet")] for r in records),
    }
    return string.Template(PAGE.read_text(encoding="utf-8")).substitute(facts)


class Markup(str):
    """Text that is HTML already."""


def rows(table: Iterable[Sequence[Any]]) -> str:
    """The rows of a table."""
    cells = ("".join(f"<td>{_cell(c)}</td>" for c in row) for row in table)
    return "\n".join(f"<tr>{row}</tr>" for row in cells)


def _cell(value: Any) -> str:
    """What stands in a cell."""
    return value if isinstance(value, Markup) else html.escape(str(value))


def _linked(record: Record, folder: str, text: str) -> Markup:
    """A link to a page of a student."""
    return Markup(f'<a href="{folder}/{record["id"]}.html">{html.escape(text)}</a>')


def link(record: Record) -> Markup:
    """A student's name, linked to the page."""
    return _linked(record, "pages", record["student"])


def _score(record: Record) -> list[str]:
    """Points, and how late."""
    return [f"{record['earned']:g}", f"{record['late']} late" if record["late"] else ""]


def histogram(scores: Sequence[float], points: float) -> Markup:
    """Ten bars of how many reached how many points, as SVG."""
    bins = collections.Counter(min(9, int(10 * s / points)) if points else 0 for s in scores)
    top = max(bins.values(), default=1)
    parts = []
    for k in range(10):
        height = 110 * bins[k] / top
        parts.append(f'<rect x="{4 + 60 * k}" y="{130 - height:.1f}" width="52" '
                     f'height="{height:.1f}"/>'
                     f'<text x="{30 + 60 * k}" y="{126 - height:.1f}">{bins[k] or ""}</text>'
                     f'<text x="{30 + 60 * k}" y="147">{10 * k}-{10 * k + 10} %</text>'
                     )  # fmt: skip
    return Markup(f'<svg viewBox="0 0 604 152" role="img">{"".join(parts)}</svg>')


def _parts(records: Sequence[Record]) -> list[list[Any]]:
    """[part, failed, the commonest reasons] of what failed most."""
    why = collections.defaultdict(collections.Counter)
    for mark in itertools.chain.from_iterable(r["marks"] for r in records):
        if not mark["earned"] and mark["points"]:
            why[mark["part"]][_reason(mark)] += 1
    found = sorted(why.items(), key=lambda item: -item[1].total())
    return [
        [part, f"{reasons.total()} of {len(records)}",
         Markup("<br>".join(f"{n} × {html.escape(text)}" for text, n in reasons.most_common(3)))]
        for part, reasons in found
    ]  # fmt: skip


def _reason(mark: dict[str, Any]) -> str:
    """The reason of a mark without its numbers."""
    if mark["status"] == "empty":
        return "not written"
    line = next((s for s in reversed(mark["why"].splitlines()) if s.strip()), "no reason")
    if ": yours " in line:
        return "other numbers, of no known kind"
    return re.sub(r"(?<![A-Za-z])[+-]?\d[\d.]*(e[+-]?\d+)?", "#", line)[:120]


def _alike(records: Sequence[Record]) -> list[list[Any]]:
    """[links, how much they share] of the groups of files that share most of their structure.

    What a third of the class shares is left out; a file belongs to a group if it is like one of it.
    """
    seen = collections.Counter(itertools.chain.from_iterable(r["print"] for r in records))
    usual = {h for h, n in seen.items() if n > max(3, len(records) / 3)}
    prints = [(k, {*r["print"]} - usual) for k, r in enumerate(records)]
    group, least = {}, {}
    for (i, one), (j, two) in itertools.combinations([p for p in prints if len(p[1]) >= 20], 2):
        share = len(one & two) / min(len(one), len(two))
        if share >= ALIKE:
            a, b = group.setdefault(i, {i}), group.setdefault(j, {j})
            a |= b
            least[id(a)] = min(share, least.get(id(a), 1.0), least.get(id(b), 1.0))
            group |= dict.fromkeys(a, a)
    groups = {id(g): g for g in group.values()}.values()
    found = sorted(groups, key=lambda g: (-least[id(g)], len(g)))
    return [
        [Markup(", ".join(link(records[k]) for k in sorted(g))),
         f"{least[id(g)]:.0%} of what is unusual in the class"]
        for g in found
    ]  # fmt: skip


def _noted(records: Sequence[Record], kind: str) -> list[list[Any]]:
    """[student, text] of everything that was flagged or noted."""
    return [[link(r), text] for r in records for text in r[kind]]
