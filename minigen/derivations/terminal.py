"""Rows as text: the table of `minigen check`, and one entry in full."""

import unicodedata

from minigen.derivations.equation import NotEvaluable
from minigen.derivations.page import source
from minigen.derivations.page.latex_text import plain

NUMBERS = "{printed:>8} {correct:>8} {gradient:>8} {allowed:>7}"
MARK = {True: "ok", False: "FAILS"}


def widths(entries, columns):
    """(id, equation, place): how wide each column may be on a screen of `columns`."""
    names = max([5, *(len(e.id) for e in entries)])
    places = max([4, *(len(first_place(e)) for e in entries)])
    fixed = names + len("incomplete") + len("FAILS") + 35 + places + 6
    return names, max(16, columns - fixed), places


def header(widths):
    """The first line of the table."""
    names, equation, _ = widths
    numbers = NUMBERS.format(
        printed="printed", correct="correct", gradient="gradient", allowed="allowed"
    )
    return f"{'id':<{names}} {pad('equation', equation)} {'verdict':<10} {numbers} {'':<5} code"


def line(row, widths):
    """One row of the table."""
    names, equation, _ = widths
    numbers = NUMBERS.format(
        printed=printed_error(row),
        correct=number(row.correct),
        gradient=number(row.gradient),
        allowed=f"{row.entry.tolerance:.0e}" if row.entry.tolerance else "exact",
    )
    shown = pad(plain(row.entry.printed or row.entry.correct), equation)
    return (
        f"{row.entry.id:<{names}} {shown} {row.entry.verdict:<10} {numbers} "
        f"{MARK[row.ok]:<5} {first_place(row.entry)}"
    ).rstrip()


def number(x):
    """An error in seven columns; a dash where there is none."""
    if x is None:
        return "-"
    return "0" if x == 0 else f"{x:.1e}"


def printed_error(row):
    """The error of the printed form in one word."""
    return "none" if isinstance(row.printed, NotEvaluable) else number(row.printed)


def first_place(e):
    """Where the first of its code stands."""
    return source.place(e.code[0]) if e.code else ""


def pad(text, width):
    """`text` cut or filled to `width` columns of a terminal."""
    out, used = "", 0
    for c in text:
        wide = 0 if unicodedata.combining(c) else 1
        if used + wide > width:
            out = out.rstrip("\u0302\u0303")[:-1] + "…"
            break
        out, used = out + c, used + wide
    return out + " " * (width - used)


def summary(rows):
    """The last line: how many, what was shown, how many fail."""
    shown = sum(isinstance(row.printed, float) for row in rows)
    gone = sum(isinstance(row.printed, NotEvaluable) for row in rows)
    graded = sum(row.gradient is not None for row in rows)
    bad = sum(not row.ok for row in rows)
    worst = max((row.correct for row in rows), default=0.0)
    return (
        f"{len(rows)} entries: {bad or 'none'} failing; {shown} misprints shown failing, {gone} "
        f"that cannot be computed; {graded} backward passes; worst form that must hold "
        f"{worst:.1e}; {sum(row.seconds for row in rows):.1f} s"
    )


def listed(e, widths):
    """One line of `minigen check --list`."""
    where = f"line {e.line}" if e.line else ""
    shown = plain(e.printed or e.correct)
    return f"{e.id:<{widths[0]}} {where:<9} {e.verdict:<10} {pad(shown, widths[1])}".rstrip()


def trouble(row):
    """What is wrong with a row, for the lines under the table."""
    return "\n".join([f"{row.entry.id} fails:", *indented(row.problems)])


def indented(paragraphs):
    """Each line of each paragraph, moved right."""
    return [f"    {part}" for text in paragraphs for part in text.splitlines()]


def full(row):
    """One entry in full: the forms, the reason, the figures, and the code."""
    e = row.entry
    where = f", line {e.line} of the notes" if e.line else ""
    lines = [f"{e.id}{where}: {e.verdict}", ""]
    lines += [f"  as printed       {plain(e.printed)}"] if e.printed else []
    lines += [f"  {'as it must read' if e.printed else 'equation':<16} {plain(e.correct)}"]
    lines += [f"  its gradient     {plain(e.gradient)}"] if e.gradient else []
    lines += ["", *wrapped(e.why)] if e.why else []
    lines += ["", *figures(row)]
    lines += ["", *indented(row.problems)] if row.problems else []
    for name, place, text in source.listing(e):
        lines += ["", f"  {name}  ({place})", "", *(f"    {part}" for part in text.splitlines())]
    return "\n".join(part.rstrip() for part in lines)


def wrapped(words):
    """A paragraph, 88 wide."""
    import textwrap

    return textwrap.wrap(words, 88, initial_indent="  ", subsequent_indent="  ")


def figures(row):
    """The measured figures, one a line."""
    allowed = f"allowed {row.entry.tolerance:.0e}" if row.entry.tolerance else "must be exact"
    if isinstance(row.printed, NotEvaluable):
        yield f"  printed form    cannot be evaluated: {row.printed.reason}"
    elif row.printed is not None:
        yield f"  printed form    off by {row.printed:.3g}"
    yield f"  correct form    off by {row.correct:.3g} ({allowed})"
    if row.gradient is not None:
        yield f"  gradient        off by {row.gradient:.3g} (allowed 1e-12)"
    if row.note:
        yield f"  note            {row.note}"
    yield f"  verdict         {MARK[row.ok]}, in {row.seconds:.2f} s"
