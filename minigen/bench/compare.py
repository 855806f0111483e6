"""Each workload by minigen, by its floor and by other packages, measured in turn."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minigen.bench import timing
from minigen.bench.floor import floor_run
from minigen.bench.workloads import Workload, minigen_run
from minigen.core import parallel

Peers = Callable[[Workload], dict[str, timing.Run]]


def measure(work: Workload, rounds: int = 15, peers: Peers | None = None) -> list[dict[str, Any]]:
    """Measure a workload by its floor, by minigen and by others, in turn.

    Parameters
    ----------
    work : Workload
    rounds : int
        Rounds of each timing; fewer where they take more than half a minute together.
    peers : callable, optional
        peers(work) gives {name: function that does the workload once}.

    Returns
    -------
    list of dict
        Rows {workload, name, ratio, ratio_low, ratio_high, to_minigen, ms, ms_low, ms_high}.
        `ratio` is the time divided by the floor's in the same round, `to_minigen` the time divided
        by minigen's; medians over the rounds, low and high are the quartiles. minigen runs as
        `fit` does by default and with all threads, like the floor, and the faster way is shown;
        `threads` of its row says which.

    Examples
    --------
    >>> work = mg.bench.Workload("a small flow", "real_nvp", "step", 4, 2, (8, 8), 16)
    >>> [row["name"] for row in mg.bench.measure(work, rounds=2)]
    ['floor', 'minigen']
    """
    known = parallel.blas()
    threads = [None, known[0]()] if known else [None]
    ways = [minigen_run(work, n) for n in threads]
    best = timing.fastest(ways)
    runs = {"floor": floor_run(work), "minigen": best}
    seconds = timing.compare(runs | (peers(work) if peers else {}), rounds)
    return [
        {
            "workload": work.name, "name": name,
            **timing.quartiles("ratio", s / seconds["floor"]),
            "to_minigen": float(np.median(s / seconds["minigen"])),
            **timing.quartiles("ms", 1000 * s),
            **({"threads": threads[ways.index(best)] or "default"} if name == "minigen" else {}),
        }
        for name, s in seconds.items()
    ]  # fmt: skip
