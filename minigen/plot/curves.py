"""Training curves above the entropy of the data, which no model can cross."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.signature import checked
from minigen.plot.style import BLUE, FAINT, INK, ORANGE, AxesLike, finished, graph, panels, title


@checked
def training(
    run: Any, floor: float | None = None, *, unit: str = "nats", ax: AxesLike = None
) -> Figure:
    """The loss of each step, the validation, and the entropy of the data as the floor.

    Parameters
    ----------
    run : what `fit` returned
    floor : the entropy of the data, where it is known
    unit : of the loss
    ax : axes to draw in, by default those of a new picture

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> flow, moons = mg.flows.real_nvp(2, layers=2, hidden=(8,), rng=rng), mg.data.toy("moons")
    >>> run = mg.fit(flow.nll, moons, steps=20, rng=rng, progress=False)
    >>> len(mg.plot.training(run, floor=moons.entropy).axes)
    1
    """
    history = getattr(run, "history", None)
    if not isinstance(history, dict) or not len(history.get("loss", ())):
        raise validate.wrong_type("run", "what mg.fit returns, with a loss", validate.shown(run))
    (panel,) = panels(1, ax, width=5.2, height=3.2)
    loss = np.asarray(run.history["loss"])
    steps = np.arange(1, len(loss) + 1)
    smooth = _running_mean(loss, max(1, len(loss) // 100))
    panel.plot(steps, loss, color=FAINT, linewidth=0.7, label="batch")
    panel.plot(steps, smooth, color=BLUE, linewidth=1.6, label="running mean")
    lowest, caption = [loss[len(loss) // 10 :].min()], ""
    if "validation" in run.history:
        at, value = run.history["validation_step"], run.history["validation"]
        panel.plot(at, value, color=ORANGE, linewidth=1.3, label="validation")
        panel.plot(run.best_step, run.best, "o", color=ORANGE, markersize=5, label="best")
        lowest.append(run.best)
        caption = "where the batch loss falls and the validation loss rises, the model overfits"
    if floor is not None:
        _draw_floor(panel, floor)
        lowest.append(floor)
        caption = "the gap between the curve and the dashed line is KL(truth, model)"
    # the first steps, which would press the rest flat, are cut off; overfitting at the end is not
    high = max([np.quantile(smooth, 0.95), *run.history.get("validation", [])[-5:]])
    low = min(lowest)
    room = max(high - low, 1e-3)
    panel.set_ylim(low - 0.12 * room, high + 0.1 * room)
    graph(panel, "step", f"loss ({unit})")
    panel.legend(
        frameon=False, fontsize=8, labelcolor=INK, ncols=4, borderaxespad=0, columnspacing=1.2,
        loc="lower right", bbox_to_anchor=(1, 1.02),
    )  # fmt: skip
    title(panel, "Training")
    return finished(panel, ax, caption)


def _running_mean(x: NDArray, width: int) -> NDArray:
    """The mean of the last `width` values, or of as many as there are."""
    total = np.cumsum(np.concatenate([[0.0], x]))
    end = np.arange(1, len(x) + 1)
    start = np.maximum(end - width, 0)
    return (total[end] - total[start]) / (end - start)


def _draw_floor(ax: Axes, floor: float) -> None:
    """The entropy, as a dashed line with its value."""
    ax.axhline(floor, color=INK, linewidth=1.1, linestyle=(0, (5, 3)))
    ax.annotate(
        f"entropy of the data {floor:.3f}", (0.01, floor), xycoords=("axes fraction", "data"),
        xytext=(0, -3), textcoords="offset points", va="top", fontsize=8, color=INK,
    )  # fmt: skip
