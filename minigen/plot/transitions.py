"""The transition matrix of a Markov chain."""

import numpy as np
from matplotlib.colors import PowerNorm

from minigen.core import validate
from minigen.plot.style import DENSITY, FAINT, INK, MUTED, caption, panels, title


def transition(matrix, names=None, *, heading=None, ax=None):
    """A heat map of p(next | this), (K, K): rows are this state, columns the next."""
    matrix = validate.array("matrix", matrix, ("K", "K"))
    names = [str(k) for k in range(len(matrix))] if names is None else list(names)
    if len(names) != len(matrix):
        raise validate.expected("names", f"{len(matrix)} names", len(names))
    size = float(np.clip(0.2 * len(matrix) + 1.4, 3.4, 9))
    (panel,) = panels(1, ax, width=size + 0.6, height=size + 0.4)
    drawn = panel.imshow(matrix, cmap=DENSITY, norm=PowerNorm(0.5, 0, matrix.max()))
    ticks(panel, names)
    bar = panel.figure.colorbar(drawn, ax=panel, shrink=0.7, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, colors=MUTED)
    title(panel, heading or "p(next | this)", pad=16)
    caption(panel, "row: this state; column: the next; each row sums to 1", ax)
    return panel.figure


def ticks(ax, names):
    """Every name, the columns' above."""
    at = np.arange(len(names))
    ax.set_xticks(at, names, fontsize=7.5, color=INK)
    ax.set_yticks(at, names, fontsize=7.5, color=INK)
    ax.tick_params(length=0, top=False, labeltop=True, labelbottom=False)
    for spine in ax.spines.values():
        spine.set_color(FAINT)
