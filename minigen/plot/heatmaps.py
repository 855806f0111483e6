"""Matrices with their numbers written in the cells."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from minigen.core import validate
from minigen.core.signature import Count, checked
from minigen.plot.style import (
    DENSITY,
    DIFFERENCE,
    INK,
    AxesLike,
    finished,
    frame,
    panels,
    title,
)  # fmt: skip


@checked
def matrices(
    named: Mapping[str, ArrayLike], *, digits: Count = 2, limit: float | None = None,
    rows: Sequence[object] = (), columns: Sequence[object] = (), caption: str = "",
    ax: AxesLike = None,
) -> Figure:  # fmt: skip
    """Matrices side by side in one scale: blue is negative, orange positive, white zero.

    Where no entry is negative the scale goes from white to dark blue. An exact 0 is written `0`,
    so that it differs from a number that is only small.

    Parameters
    ----------
    named : {title: (n, m) matrix}
    digits : after the point
    limit : the number of full colour, by default the largest absolute entry
    rows, columns : names of the rows and columns, by default 1, 2, ...
    caption : one line under a new picture that says how to read it
    ax : axes to draw in, one for each matrix; by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> len(mg.plot.matrices({"identity": np.eye(3), "a triangle": np.tri(3)}).axes)
    2
    """
    if not isinstance(named, Mapping) or not named:
        raise validate.expected("named", "a dict of at least one matrix", repr(named))
    arrays = {k: validate.array(f"named[{k!r}]", v, ("n", "m")) for k, v in named.items()}
    signed = any((M < 0).any() for M in arrays.values())
    top = max(np.abs(M).max() for M in arrays.values()) if limit is None else limit
    tall, wide = (max(M.shape[k] for M in arrays.values()) for k in (0, 1))
    axes = panels(len(arrays), ax, width=0.47 * wide + 0.7, height=0.47 * tall + 0.75)
    for panel, (name, M) in zip(axes, arrays.items(), strict=True):
        low = -top if signed else 0
        panel.imshow(M, cmap=DIFFERENCE if signed else DENSITY, vmin=low, vmax=top)
        for (i, j), value in np.ndenumerate(M):
            color = "white" if abs(value) > 0.6 * top else INK
            words = f"{value:.{digits}f}" if value else "0"
            words = words.removeprefix("-") if not float(words) else words
            panel.text(j, i, words, ha="center", va="center", fontsize=7.5, color=color)
        sides = (("rows", rows, panel.yaxis), ("columns", columns, panel.xaxis))
        for count, (which, names, axis) in zip(M.shape, sides, strict=True):
            if names and len(names) != count:
                raise validate.expected(which, f"{count} names", len(names))
            axis.set_ticks(range(count), [str(s) for s in names or range(1, count + 1)])
        panel.tick_params(length=0, labelsize=8)
        frame(panel)
        title(panel, name, fontsize=9)
    return finished(axes[0], ax, caption)
