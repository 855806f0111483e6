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

    def __repr__(self) -> str:
        return full(self.row)

    def _repr_markdown_(self) -> str:
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

    def _repr_latex_(self) -> str:
        return display(self.row.entry.correct)


def display(text: str) -> str:
    """A formula between double dollars; a line that has its own stays as it is."""
    return text if "$" in text or text.startswith("#") else f"$${text}$$"


def show(id: str, seed: int = 0) -> Shown:
    """One entry of the notes: the forms, the reason, the figures, and the code.

    Parameters
    ----------
    id : str
        The name of an entry.
    seed : int
        The seed of its random numbers.

    Returns
    -------
    Shown
        A notebook draws it; `print` gives it as text.

    Raises
    ------
    ValueError
        For an unknown id, with the names nearest to it.

    Examples
    --------
    >>> print(str(mg.derivations.show("DIF-18")).splitlines()[0])
    DIF-18, line 136 of the notes: correct
    """
    (row,) = run([id], seed=seed, quick=True)
    return Shown(row)
