"""What all pictures share: the figure, its colours (safe for the colour-blind), its words."""

import io
import pathlib
import sys
import tempfile
import webbrowser
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

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

AxesLike = Axes | Sequence[Axes] | NDArray | None
Box = tuple[float, ...]  # left, right, bottom, top


class Picture(Figure):
    """A figure that a notebook shows by itself: no window, no pyplot, no global state."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()

    def show(self, warn: bool = True) -> None:
        """Show the picture from a script: in a window, and wait until it is closed; where
        matplotlib has no windows, as a file in the browser."""
        import matplotlib.pyplot as plt

        canvas = self.canvas
        number = plt.figure(FigureClass=lambda *_, **__: self).number  # type: ignore[arg-type]
        if getattr(self.canvas, "required_interactive_framework", None):
            plt.show()
            return
        plt.close(number)
        self.set_canvas(canvas)
        handle, path = tempfile.mkstemp(prefix="minigen-", suffix=".png")
        with open(handle, "wb") as file:
            file.write(self._repr_png_())
        opened = webbrowser.open(pathlib.Path(path).as_uri())
        if warn and not opened:
            sys.stderr.write(f"no window and no browser: the picture is {path}\n")


def panels(
    n: int, ax: AxesLike = None, *, columns: int = 0, width: float = 2.7, height: float = 2.9
) -> list[Axes]:
    """n axes: those given, or those of a new picture of n panels (inches) in rows of `columns`."""
    if ax is not None:
        axes = list(np.ravel(cast(NDArray, ax)))
        if not all(isinstance(a, Axes) for a in axes):
            raise validate.wrong_type("ax", f"{n} axes of matplotlib", validate.shown(ax))
        if len(axes) != n:
            raise validate.expected("ax", f"{n} axes", len(axes))
        return axes
    columns = min(n, columns or n)
    rows = -(-n // columns)
    size = (width * columns, height * rows)
    figure = Picture(figsize=size, layout="constrained", facecolor="white")
    figure.get_layout_engine().set(w_pad=0.07, h_pad=0.07)  # type: ignore[union-attr]
    grid = figure.subplots(rows, columns, squeeze=False)
    for spare in grid.flat[n:]:
        spare.set_axis_off()
    return list(grid.flat[:n])


def title(
    ax: Axes, text: object, *, loc: Any = "left", fontsize: float = 9.5, pad: float | None = None
) -> None:
    """The title of a panel, at its left edge."""
    words, figure = str(text), cast(Figure, ax.figure)
    if len(figure.axes) == 1:  # it may be as wide as the picture
        words = in_lines(words, figure.get_figwidth() - 0.3, fontsize)
    ax.set_title(words, loc=loc, fontsize=fontsize, pad=pad, color=INK)


def finished(ax: Axes, given: AxesLike, caption: str = "") -> Figure:
    """The figure; a new one gets a line under it that says how to read it."""
    figure = cast(Figure, ax.figure)
    if given is None and caption:
        words = in_lines(caption, figure.get_figwidth() - 0.1, 8.5)
        figure.supxlabel(words, fontsize=8.5, color=MUTED)
    return figure


def in_lines(text: str, inches: float, fontsize: float) -> str:
    """The words in as many lines as this width needs; formulas are left as they are."""
    if "$" in text or "\n" in text:
        return text
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        width = TextPath((0, 0), longer, size=fontsize).get_extents().width / 72
        lines = [*lines[:-1], longer] if width <= inches or not lines[-1] else [*lines, word]
    return "\n".join(lines)


def frame(ax: Axes, color: str = FAINT) -> None:
    """Draw the four edges of the panel in one colour."""
    for spine in ax.spines.values():
        spine.set_color(color)


def bare(ax: Axes) -> None:
    """No ticks, and a thin frame: for pictures whose coordinates mean nothing to the reader."""
    ax.set(xticks=[], yticks=[])
    frame(ax)
    ax.spines[:].set_linewidth(0.8)


def square(ax: Axes, box: Box) -> None:
    """Equal scales on the square window box = (left, right, bottom, top)."""
    bare(ax)
    ax.set(xlim=box[:2], ylim=box[2:], aspect="equal")


def coordinates(ax: Axes) -> None:
    """A few numbers at the edges of a window of the plane: x_1 below, x_2 at the left."""
    for axis, name in ((ax.xaxis, "$x_1$"), (ax.yaxis, "$x_2$")):
        axis.set_major_locator(MaxNLocator(4))
        axis.set_label_text(name, fontsize=8, color=MUTED)
    ax.tick_params(colors=MUTED, labelsize=6.5, length=2, width=0.6, pad=1.5)
    ax.xaxis.labelpad = ax.yaxis.labelpad = 1


def graph(ax: Axes, xlabel: str, ylabel: str) -> None:
    """Two thin axes and a faint grid, for curves."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set(color=MUTED, linewidth=0.8)
    ax.tick_params(which="both", colors=MUTED, labelsize=8, width=0.8)
    ax.grid(True, color=FAINT, linewidth=0.6, alpha=0.7)
    ax.set_axisbelow(True)
    ax.set_xlabel(xlabel, fontsize=9, color=INK)
    ax.set_ylabel(ylabel, fontsize=9, color=INK)


def window(*clouds: NDArray) -> Box:
    """A square (left, right, bottom, top) around all but the farthest of the points (N, 2)."""
    x = np.concatenate(clouds)
    low, high = np.quantile(x, [0.003, 0.997], axis=0)
    centre, half = (low + high) / 2, 0.56 * max(*(high - low), 1e-6)
    return tuple(np.ravel(np.stack([centre - half, centre + half], axis=1)))


def given_window(box: Box) -> Box:
    """The window a user gave."""
    if len(box) != 4:
        raise validate.expected("box", "(left, right, bottom, top)", validate.shown(box))
    return box
