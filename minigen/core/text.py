"""Tables for the terminal."""

from collections.abc import Iterable, Sequence


def table(rows: Iterable[Sequence[object]], header: Sequence[object] | None = None) -> str:
    """Rows of cells as lines with aligned columns; a header gets a rule below it.

    >>> print(table([("moons", 1.01), ("rings", 0.5)], header=("data", "nats")))
    data   nats
    -----------
    moons  1.01
    rings  0.5
    """
    cells = [[str(cell) for cell in row] for row in ([] if header is None else [header])]
    cells += [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    pairs = [zip(row, widths, strict=True) for row in cells]
    lines = ["  ".join(cell.ljust(width) for cell, width in pair).rstrip() for pair in pairs]
    if header is not None:
        lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)
