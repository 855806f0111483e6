"""What all pictures share: the figure, its colours (safe for the colour-blind), its words."""

import io

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from minigen.core import validate

INK, MUTED, FAINT = "#1f2430", "#667080", "#d9dde3"
BLUE, ORANGE, GREEN, PINK = "#0b62a3", "#d55e00", "#009e73", "#cc79a7"  # after Okabe & Ito 2008
LINES = (BLUE, ORANGE, GREEN, PINK, "#e69f00", "#56b4e9", INK)
CLASSES = (  # ten hues after the muted scheme of Tol 2021
    "#332288", "#cc6677", "#117733", "#88ccee", "#882255",
    "#999933", "#44aa99", "#aa4499", "#b8860b", "#555555",
)  # fmt: skip
DENSITY = LinearSegmentedColormap.from_list(
    "minigen.density", ["#ffffff", "#cfe3ef", "#7fb8d6", "#2f83b7", "#0b4f87", "#08264a"]
)
DIFFERENCE = LinearSegmentedColormap.from_list(
    "minigen.difference", ["#0b4f87", "#6aaed6", "#ffffff", "#f0a05a", "#a63c00"]
)


class Picture(Figure):
    """A figure that a notebook shows by itself: no window, no pyplot, no global state."""

    def _repr_png_(self):
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()


def picture(width, height):
    """An empty picture, sizes in inches."""
    figure = Picture(figsize=(width, height), layout="constrained", facecolor="white")
    figure.get_layout_engine().set(w_pad=0.07, h_pad=0.07)
    return figure


def panels(n, ax=None, *, columns=None, width=2.7, height=2.9):
    """n axes: those given, or those of a new picture of n panels in rows of `columns`."""
    if ax is not None:
        axes = list(np.ravel(ax))
        if len(axes) != n:
            raise validate.expected("ax", f"{n} axes", len(axes))
        return axes
    columns = min(n, columns or n)
    rows = -(-n // columns)
    grid = picture(width * columns, height * rows).subplots(rows, columns, squeeze=False)
    for spare in grid.flat[n:]:
        spare.set_axis_off()
    return list(grid.flat[:n])


def title(ax, text, **options):
    """The title of a panel, at its left edge."""
    ax.set_title(text, **({"loc": "left", "fontsize": 9.5, "color": INK} | options))


def caption(ax, text, given):
    """One line under a new picture that says how to read it; axes of the caller's get none."""
    if given is None:
        ax.figure.supxlabel(text, fontsize=8.5, color=MUTED)


def bare(ax):
    """No ticks, and a thin frame: for pictures whose coordinates mean nothing to the reader."""
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(color=FAINT, linewidth=0.8)


def square(ax, box):
    """Equal scales on the square window box = (left, right, bottom, top)."""
    bare(ax)
    ax.set(xlim=box[:2], ylim=box[2:], aspect="equal")


def graph(ax, xlabel, ylabel):
    """Two thin axes and a faint grid, for curves."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set(color=MUTED, linewidth=0.8)
    ax.tick_params(colors=MUTED, labelsize=8, width=0.8)
    ax.grid(True, color=FAINT, linewidth=0.6, alpha=0.7)
    ax.set_axisbelow(True)
    ax.set_xlabel(xlabel, fontsize=9, color=INK)
    ax.set_ylabel(ylabel, fontsize=9, color=INK)


def window(*clouds):
    """A square (left, right, bottom, top) around all but the farthest of the points (N, 2)."""
    x = np.concatenate(clouds)
    low, high = np.quantile(x, [0.003, 0.997], axis=0)
    centre, half = (low + high) / 2, 0.56 * max(*(high - low), 1e-6)
    return tuple(np.ravel(np.stack([centre - half, centre + half], axis=1)))
