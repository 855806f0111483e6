"""One entry for a notebook: measured now, with its mathematics drawn."""

from dataclasses import dataclass

from minigen.derivations.page import source
from minigen.derivations.page.mathml import marked
from minigen.derivations.runner import Row, run
from minigen.derivations.terminal import figures, full


@dataclass(frozen=True, eq=False, repr=False)
class Shown:
    """A measured entry. A notebook draws it; print it and it is text."""

    row: Row

    def __repr__(self):
        return full(self.row)

    def _repr_markdown_(self):
        e = self.row.entry
        where = f", line {e.line}" if e.line else ""
        parts = [f"**{e.id}**{where}: *{e.verdict}*"]
        parts += [f"as printed\n\n{display(e.printed)}"] if e.printed else []
        parts += [f"as it must read\n\n{display(e.correct)}"]
        parts += [marked(e.why)] if e.why else []
        parts += ["\n".join(f"- {' '.join(line.split())}" for line in figures(self.row))]
        parts += [f"backward\n\n{display(e.gradient)}"] if e.gradient else []
        for name, place, text in source.listing(e):
            parts.append(f"`{name}` ({place})\n\n```python\n{text}\n```")
        return "\n\n".join(parts)

    def _repr_latex_(self):
        return display(self.row.entry.correct)


def display(text):
    """A formula between double dollars; a line that has its own stays as it is."""
    return text if "$" in text or text.startswith("#") else f"$${text}$$"


def show(id, seed=0):
    """One entry of the notes, by its id: the forms, the reason, the figures, and the code."""
    (row,) = run([id], seed=seed, quick=True)
    return Shown(row)
