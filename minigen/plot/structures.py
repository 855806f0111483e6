"""Drawings of structures: what feeds what, and which units of a masked network are connected."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import Count, checked
from minigen.plot.style import BLUE, FAINT, INK, MUTED, ORANGE, AxesLike, finished, panels
from minigen.plot.style import title as titled

Arrow = Sequence[str]  # from, to, and if wanted the words beside it
CURVE = 0.3  # how far an arrow of the backward pass bends


@checked
def diagram(
    nodes: Mapping[str, tuple[float, float]], arrows: Sequence[Arrow], *,
    back: Sequence[Arrow] = (), boxes: Collection[str] = (), accent: Collection[str] = (),
    title: str = "", caption: str = "", ax: AxesLike = None,
) -> Figure:  # fmt: skip
    """Values and functions, with arrows between them.

    Parameters
    ----------
    nodes : {what is written: (x, y)}, in inches; mathematics stands between dollar signs
    arrows : (from, to) or (from, to, words beside it), straight: the forward pass
    back : the same, dashed and curved in another colour: the backward pass
    boxes : the nodes that are functions, drawn with corners; the others are values
    accent : the nodes that are coloured
    title : of the picture
    caption : one line under a new picture that says how to read it
    ax : axes to draw in, by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> figure = mg.plot.diagram(
    ...     {"x": (0, 0), "f": (1.2, 0), "y": (2.4, 0)}, [("x", "f"), ("f", "y")], boxes=["f"]
    ... )
    >>> len(figure.axes)
    1
    """
    if not isinstance(nodes, Mapping) or not nodes:
        raise validate.expected("nodes", "a dict of at least one node", repr(nodes))
    for name, wanted in (("boxes", boxes), ("accent", accent)):
        for node in wanted:
            validate.choice(name, node, list(nodes))
    at = {k: validate.array(f"nodes[{k!r}]", v, (2,), np.float64) for k, v in nodes.items()}
    low, high = (f(np.array(list(at.values())), axis=0) for f in (np.min, np.max))
    width, height = high - low + (1.5, 1.0)
    (panel,) = panels(1, ax, width=width, height=height + 0.35 * bool(title) + 0.25 * bool(caption))
    texts = {}
    for node, place in at.items():
        color, edge = ("#e3eef6", BLUE) if node in accent else ("white", MUTED)
        style = "square,pad=0.5" if node in boxes else "round,pad=0.35,rounding_size=0.6"
        frame = {"boxstyle": style, "fc": color, "ec": edge, "lw": 1.0}
        x, y = place
        texts[node] = panel.text(
            x, y, node, ha="center", va="center", fontsize=10, color=INK, bbox=frame, zorder=4
        )
    for name, kind, curve, color in (
        ("arrows", arrows, 0.0, INK),
        ("back", back, CURVE, ORANGE),
    ):
        for k, arrow in enumerate(kind):
            if isinstance(arrow, str) or len(arrow) not in (2, 3):
                raise validate.expected(f"{name}[{k}]", "(from, to) or (from, to, words)", arrow)
            for end in arrow[:2]:
                validate.choice(f"{name}[{k}]", end, list(nodes))
            _arrow(panel, texts, at, arrow, curve, color)
    panel.set(
        xlim=(low[0] - 0.75, high[0] + 0.75), ylim=(low[1] - 0.5, high[1] + 0.5), aspect="equal"
    )
    panel.set_axis_off()
    titled(panel, title)
    return finished(panel, ax, caption)


def _arrow(
    ax: Axes, texts: dict[str, Text], at: dict[str, NDArray], arrow: Arrow, curve: float, color: str
) -> None:
    """One arrow between the frames of two nodes, with its words at its middle."""
    start, end, *words = arrow
    dashes = "--" if curve else "-"
    ax.annotate(
        "", xy=tuple(at[end]), xytext=tuple(at[start]), zorder=2,
        arrowprops={
            "arrowstyle": "-|>", "color": color, "lw": 1.1, "linestyle": dashes,
            "connectionstyle": f"arc3,rad={curve}", "patchA": texts[start].get_bbox_patch(),
            "patchB": texts[end].get_bbox_patch(), "shrinkA": 2, "shrinkB": 2,
        },
    )  # fmt: skip
    if words:
        dx, dy = at[end] - at[start]
        x, y = (at[start] + at[end]) / 2 + curve / 2 * np.array([dy, -dx])
        ax.text(
            x, y, words[0], ha="center", va="center", fontsize=8.5, color=color, zorder=3,
            bbox={"fc": "white", "ec": "none", "pad": 1.5},
        )  # fmt: skip


@checked
def units(
    masks: Sequence[ArrayLike], *, output: Count = 1, labels: Sequence[Sequence[object]] = (),
    title: str = "", ax: AxesLike = None,
) -> Figure:  # fmt: skip
    """A masked network as a graph; all paths that end at one output are coloured.

    Parameters
    ----------
    masks : arrays (n_in, n_out) of 0 and 1, first layer first
    output : the output whose paths are coloured, 1 for the first
    labels : what is written in the units of each layer, inputs first; by default nothing
    title : of the picture
    ax : axes to draw in, by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> len(mg.plot.units([np.tri(3).T, np.tri(3, k=-1).T], output=2).axes)
    1
    """
    if not len(masks):
        raise validate.expected("masks", "at least one mask", "none")
    layers = [validate.array(f"masks[{k}]", m, ("I", "O")) > 0 for k, m in enumerate(masks)]
    sizes = [len(layers[0]), *(m.shape[1] for m in layers)]
    if any(m.shape[0] != n for m, n in zip(layers, sizes, strict=False)):
        raise validate.expected("masks", "masks that fit each other", [m.shape for m in layers])
    validate.integer("output", output, 1, sizes[-1])
    if labels and [len(row) for row in labels] != sizes:
        raise validate.expected("labels", f"rows of {sizes} words", [len(r) for r in labels])
    on = [np.arange(sizes[-1]) == output - 1]
    for mask in layers[::-1]:
        on.insert(0, (mask & on[0]).any(axis=1))
    (panel,) = panels(1, ax, width=1.6 * len(sizes) + 0.4, height=0.42 * max(sizes) + 0.9)
    places = [np.stack([np.full(n, 1.6 * k), 0.42 * ((n - 1) / 2 - np.arange(n))], axis=1)
              for k, n in enumerate(sizes)]  # fmt: skip
    for k, mask in enumerate(layers):
        for i, j in np.argwhere(mask):
            live = on[k][i] and on[k + 1][j]
            panel.plot(
                *np.stack([places[k][i], places[k + 1][j]], axis=1), color=BLUE if live else FAINT,
                linewidth=1.2 if live else 0.7, zorder=2 if live else 1,
            )  # fmt: skip
    for k, (spots, live) in enumerate(zip(places, on, strict=True)):
        faces = ["#cfe3ef" if on_path else "white" for on_path in live]
        edges = [BLUE if on_path else MUTED for on_path in live]
        panel.scatter(*spots.T, s=190, c=faces, edgecolors=edges, linewidths=1.1, zorder=3)
        for (x, y), word in zip(spots, labels[k] if labels else (), strict=False):
            panel.text(x, y, str(word), ha="center", va="center", fontsize=8, color=INK, zorder=4)
    reach = 0.42 * max(sizes) / 2
    names = ["inputs", *(f"hidden {k}" for k in range(1, len(layers))), "outputs"]
    for k, name in enumerate(names):
        panel.text(
            1.6 * k, -reach - 0.25, name, ha="center", va="center", fontsize=8.5, color=MUTED
        )
    panel.set(
        xlim=(-0.4, 1.6 * (len(sizes) - 1) + 0.4), ylim=(-reach - 0.5, reach + 0.1), aspect="equal"
    )
    panel.set_axis_off()
    titled(panel, title)
    return finished(panel, ax)
