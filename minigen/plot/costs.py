"""Measured times against the number of dimensions."""

import numpy as np

from minigen.core import validate
from minigen.plot.style import LINES, caption, graph, panels, title


def cost(table, *, ax=None):
    """Seconds against D, one line for each name: table = {name: (D, seconds)}.

    A name that contains "loop" is drawn dashed.
    """
    if not table:
        raise validate.expected("table", "at least one line", "none")
    (panel,) = panels(1, ax, width=6.4, height=3.9)
    ends = {}
    for color, (name, (D, seconds)) in zip(LINES, table.items(), strict=False):
        D = validate.array(f"D of {name}", D, ("N",))
        ms = 1000 * validate.array(f"seconds of {name}", seconds, (len(D),))
        dash = "--" if "loop" in name else "-"
        panel.loglog(D, ms, dash, color=color, marker="o", markersize=3.5, linewidth=1.6)
        ends[name] = (D[-1], ms[-1], color)
    graph(panel, "dimensions D", "milliseconds")
    beside(panel, ends)
    title(panel, "What each direction costs")
    caption(panel, "both axes logarithmic; dashed: D passes of the network, one after another", ax)
    return panel.figure


def beside(ax, ends):
    """Names at the right end of their lines, pushed apart where they would overlap."""
    low, high = np.log10(ax.get_ylim())
    gap, at = (high - low) / 18, -np.inf
    for name, (D, ms, color) in sorted(ends.items(), key=lambda item: item[1][1]):
        at = max(np.log10(ms), at + gap)
        ax.annotate(
            name, (D, ms), xytext=(1.02, 10**at), textcoords=ax.get_yaxis_transform(),
            va="center", fontsize=8.5, color=color, annotation_clip=False,
        )  # fmt: skip
