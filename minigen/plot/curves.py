"""Training curves above the floor that no model can cross."""

import numpy as np

from minigen.plot.style import BLUE, FAINT, INK, ORANGE, caption, graph, panels, title


def training(run, floor=None, *, unit="nats", ax=None):
    """The loss of each step, the validation, and the entropy of the data as the floor.

    run: what `fit` returned. floor: the entropy, where it is known.
    """
    (panel,) = panels(1, ax, width=5.2, height=3.2)
    loss = np.asarray(run.history["loss"])
    steps = np.arange(1, len(loss) + 1)
    smooth = running_mean(loss, max(1, len(loss) // 100))
    panel.plot(steps, loss, color=FAINT, linewidth=0.7, label="batch")
    panel.plot(steps, smooth, color=BLUE, linewidth=1.6, label="running mean")
    lowest = [loss[len(loss) // 10 :].min()]
    if "validation" in run.history:
        lowest.append(validation(panel, run))
    if floor is not None:
        lowest.append(floor)
        panel.axhline(floor, color=INK, linewidth=1.1, linestyle=(0, (5, 3)))
        near_floor(panel, floor)
    rising = run.history.get("validation", [])[-5:]  # where overfitting shows
    limits(panel, max([np.quantile(smooth, 0.95), *rising]), min(lowest))
    graph(panel, "step", f"loss ({unit})")
    panel.legend(
        frameon=False, fontsize=8, labelcolor=INK, ncols=4, borderaxespad=0, columnspacing=1.2,
        loc="lower right", bbox_to_anchor=(1, 1.02),
    )  # fmt: skip
    title(panel, "Training")
    if floor is not None:
        caption(panel, "the gap between the curve and the dashed line is KL(truth, model)", ax)
    elif "validation" in run.history:
        how = "where the batches fall and the validation does not, the data is learned by heart"
        caption(panel, how, ax)
    return panel.figure


def running_mean(x, width):
    """The mean of the last `width` values, or of as many as there are."""
    total = np.cumsum(np.concatenate([[0.0], x]))
    end = np.arange(1, len(x) + 1)
    start = np.maximum(end - width, 0)
    return (total[end] - total[start]) / (end - start)


def validation(ax, run):
    """Draw the validation losses and their best; return the best."""
    at, value = run.history["validation_step"], run.history["validation"]
    ax.plot(at, value, color=ORANGE, linewidth=1.3, label="validation")
    ax.plot(run.best_step, run.best, "o", color=ORANGE, markersize=5, label="best")
    return run.best


def near_floor(ax, floor):
    ax.annotate(
        f"entropy of the data {floor:.3f}", (0.01, floor), xycoords=("axes fraction", "data"),
        xytext=(0, -3), textcoords="offset points", va="top", fontsize=8, color=INK,
    )  # fmt: skip


def limits(ax, high, low):
    """Show the descent without its first steps, which would press the rest flat."""
    room = max(high - low, 1e-3)
    ax.set_ylim(low - 0.12 * room, high + 0.1 * room)
