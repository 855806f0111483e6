"""The masks of a MADE, and what they let through together."""

from functools import reduce

import numpy as np
from matplotlib.colors import ListedColormap

from minigen.core import validate
from minigen.plot.style import BLUE, FAINT, INK, MUTED, caption, panels, title


def masks(masks, *, ax=None):
    """Masks (n_in, n_out) of 0 and 1, first layer first, and the connections of their product."""
    if not len(masks):
        raise validate.expected("masks", "at least one mask", "none")
    layers = [
        validate.array(f"masks[{k}]", 1 * np.asarray(m), ("I", "O")) > 0
        for k, m in enumerate(masks)
    ]
    through = reduce(lambda seen, mask: seen @ mask > 0, [m.astype(int) for m in layers])
    axes = panels(len(layers) + 1, ax, width=2.5, height=2.9)
    for k, (panel, mask) in enumerate(zip(axes, layers, strict=False), start=1):
        checks(panel, mask, BLUE)
        words(panel, "input" if k == 1 else f"hidden {k - 1}", k == len(layers), k)
        title(panel, f"mask {k}: {mask.sum():,} of {mask.size:,} weights")
    checks(axes[-1], through, INK)
    words(axes[-1], "input", True, 0)
    title(axes[-1], "which input each output sees")
    caption(axes[0], "coloured: the weight is kept; the last panel is the product of the masks", ax)
    return axes[0].figure


def checks(ax, mask, color):
    """Rows are what comes in, columns what goes out."""
    ax.imshow(mask, cmap=ListedColormap(["#f4f5f7", color]), vmin=0, vmax=1, aspect="auto")
    if max(mask.shape) <= 40:
        ax.set_xticks(np.arange(mask.shape[1] + 1) - 0.5, minor=True)
        ax.set_yticks(np.arange(mask.shape[0] + 1) - 0.5, minor=True)
        ax.grid(which="minor", color="white", linewidth=0.7)
    ax.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
    for spine in ax.spines.values():
        spine.set_color(FAINT)


def words(ax, rows, last, k):
    ax.set_ylabel(rows, fontsize=8.5, color=MUTED)
    ax.set_xlabel("output" if last else f"hidden {k}", fontsize=8.5, color=MUTED)
