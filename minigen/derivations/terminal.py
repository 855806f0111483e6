"""Rows as text: the table of `minigen check`, and one entry in full."""

import textwrap
import unicodedata
from collections.abc import Iterable, Iterator

from minigen.derivations.equation import Entry, NotEvaluable
from minigen.derivations.page import source
from minigen.derivations.page.latex_text import plain
from minigen.derivations.runner import GRADIENT, Row

NUMBERS = "{:>8} {:>8} {:>8} {:>7}"
MARK = {True: "ok", False: "FAILS"}
Widths = tuple[int, int, int]


def widths(entries: Iterable[Entry], columns: int) -> Widths:
    """(id, equation, place): how wide each column may be on a screen of `columns`."""
    names = max([5, *(len(e.id) for e in entries)])
    places = max([4, *(len(first_place(e)) for e in entries)])
    fixed = names + len("incomplete") + len("FAILS") + 35 + places + 6
    return names, max(16, columns - fixed), places


def header(widths: Widths) -> str:
    """The first line of the table."""
    names, equation, _ = widths
    numbers = NUMBERS.format("printed", "correct", "gradient", "allowed")
    return f"{'id':<{names}} {pad('equation', equation)} {'verdict':<10} {numbers} {'':<5} code"


def line(row: Row, widths: Widths) -> str:
    """One row of the table."""
    names, equation, _ = widths
    printed = "none" if isinstance(row.printed, NotEvaluable) else number(row.printed)
    allowed = "exact" if row.allowed == 0 else number(row.allowed)
    numbers = NUMBERS.format(printed, number(row.correct), number(row.gradient), allowed)
    shown = pad(plain(row.entry.printed or row.entry.correct), equation)
    return (
        f"{row.entry.id:<{names}} {shown} {row.entry.verdict:<10} {numbers} "
        f"{MARK[row.ok]:<5} {first_place(row.entry)}"
    ).rstrip()


def number(x: float | None) -> str:
    """An error in seven columns; a dash where nothing was evaluated."""
    if x is None:
        return "-"
    return "0" if x == 0 else f"{x:.1e}"


def first_place(e: Entry) -> str:
    """Where the first of its code stands."""
    return source.place(e.code[0]) if e.code else getattr(e.check, "place", "")


def pad(text: str, width: int) -> str:
    """`text` cut or filled to `width` columns of a terminal."""
    letters: list[str] = []  # each with its accents
    for c in text:
        if letters and unicodedata.combining(c):
            letters[-1] += c
        else:
            letters.append(c)
    if len(letters) > width:
        letters = [*letters[: width - 1], "…"]
    return "".join(letters) + " " * (width - len(letters))


def summary(rows: list[Row]) -> str:
    """The last line: how many, what was shown, how many fail."""
    shown = sum(isinstance(row.printed, float) for row in rows)
    gone = sum(isinstance(row.printed, NotEvaluable) for row in rows)
    graded = sum(row.gradient is not None for row in rows)
    bad = sum(not row.ok for row in rows)
    worst = max((row.correct for row in rows if row.correct is not None), default=None)
    return (
        f"{len(rows)} entries: {bad or 'none'} failing; {shown} misprints shown failing, {gone} "
        f"that cannot be computed; {graded} backward passes; worst form that must hold "
        f"{number(worst)}; {sum(row.seconds for row in rows):.1f} s"
    )


def listed(e: Entry, widths: Widths) -> str:
    """One line of `minigen check --list`."""
    where = f"line {e.line}" if e.line else ""
    shown = plain(e.printed or e.correct)
    return f"{e.id:<{widths[0]}} {where:<9} {e.verdict:<10} {pad(shown, widths[1])}".rstrip()


def trouble(row: Row) -> str:
    """What is wrong with a row, for the lines under the table."""
    return "\n".join([f"{row.entry.id} fails:", *indented(row.problems)])


def indented(paragraphs: Iterable[str]) -> list[str]:
    """Each line of each paragraph, moved right."""
    return [f"    {part}" for text in paragraphs for part in text.splitlines()]


def full(row: Row) -> str:
    """One entry in full: the forms, the reason, the figures, and the code."""
    e = row.entry
    where = f", line {e.line} of the notes" if e.line else ""
    lines = [f"{e.id}{where}: {e.verdict}", ""]
    lines += [f"  as printed       {plain(e.printed)}"] if e.printed else []
    lines += [f"  {'as it must read' if e.printed else 'equation':<16} {plain(e.correct)}"]
    lines += [f"  its gradient     {plain(e.gradient)}"] if e.gradient else []
    if e.why:
        lines += ["", *textwrap.wrap(e.why, 88, initial_indent="  ", subsequent_indent="  ")]
    lines += ["", *figures(row)]
    lines += ["", *indented(row.problems)] if row.problems else []
    for name, place, text in source.listing(e):
        lines += ["", f"  {name}  ({place})", "", *(f"    {part}" for part in text.splitlines())]
    return "\n".join(part.rstrip() for part in lines)


def figures(row: Row) -> Iterator[str]:
    """The measured figures, one a line."""
    allowed = "must be exact" if row.allowed == 0 else f"allowed {row.allowed or 0:.0e}"
    allowed = "judged by its report" if row.allowed is None else allowed
    if isinstance(row.printed, NotEvaluable):
        yield f"  printed form    cannot be evaluated: {row.printed.reason}"
    elif row.printed is not None:
        yield f"  printed form    off by {row.printed:.3g}"
    if row.correct is None:
        yield "  correct form    not evaluated"
    else:
        yield f"  correct form    off by {row.correct:.3g} ({allowed})"
    if row.gradient is not None:
        yield f"  gradient        off by {row.gradient:.3g} (allowed {GRADIENT:.0e})"
    if row.note:
        yield f"  note            {row.note}"
    yield f"  verdict         {MARK[row.ok]}, in {row.seconds:.2f} s"
