"""The terms of the diffusion ELBO."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import checked
from minigen.plot.style import BLUE, GREEN, INK, ORANGE, AxesLike, finished, graph, panels, title


@checked
def elbo_terms(
    L: ArrayLike, error: ArrayLike | None = None, *, unit: str = "nats", ax: AxesLike = None
) -> Figure:
    """The terms L_t of the bound against t = 0..T; their sum bounds -log p.

    Parameters
    ----------
    L : array (T + 1,)
    error : the standard errors of the terms, (T + 1,)
    unit : of the terms
    ax : axes to draw in, by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> len(mg.plot.elbo_terms([1.0, 0.5, 0.2, 0.1, 0.01]).axes)
    1
    """
    L = validate.array("L", L, ("T",))
    if len(L) < 2:
        raise validate.expected("L", "at least two terms, L_0 and L_T", len(L))
    error = np.zeros_like(L) if error is None else validate.array("error", error, L.shape)
    (panel,) = panels(1, ax, width=5.6, height=3.4)
    t = np.arange(len(L))
    shown = (t > 0) & (t < len(L) - 1) & (L > 0)
    low, high = np.maximum(L - 2 * error, L * 1e-2), L + 2 * error
    panel.fill_between(t[shown], low[shown], high[shown], color=BLUE, alpha=0.2, lw=0)
    name = f"L_1 ... L_{len(L) - 2}, sum {L[1:-1].sum():.3g}"
    panel.loglog(t[shown], L[shown], color=BLUE, linewidth=1.5, label=name)
    _ends(panel, L)
    graph(panel, "t", f"L_t ({unit})")
    panel.legend(frameon=False, fontsize=8, labelcolor=INK)
    title(panel, f"The bound term by term: L = {L.sum():.4g} {unit}")
    how = "each L_t is what one denoising step costs; the sum bounds the negative log-likelihood"
    return finished(panel, ax, how)


def _ends(ax: Axes, L: NDArray) -> None:
    """L_0, the decoder, and L_T, the prior; a value that a log axis cannot hold is in the words."""
    T = len(L) - 1
    for t, x, color, word in ((0, 0.7, ORANGE, "decoder"), (T, T, GREEN, "prior")):
        hidden = "" if L[t] > 0 else ", not drawn"
        label = f"L_{t} ({word}) = {L[t]:.3g}{hidden}"
        y = L[t] if L[t] > 0 else np.nan
        ax.plot([x], [y], "o", color=color, markersize=6, label=label)
