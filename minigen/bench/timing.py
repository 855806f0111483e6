"""Times of several functions in one run, measured in turn: a disturbance meets all of them."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

CLOCK = time.perf_counter
ROUND = 0.05  # seconds of one round of one function, at least
BUDGET = 30.0  # seconds of all rounds, after which there are no more than FEWEST
FEWEST = 3
Run = Callable[[], Any]


def compare(runs: dict[str, Run], rounds: int = 15) -> dict[str, NDArray]:
    """{name: seconds of one call in each round} for runs = {name: function}.

    As many rounds as asked for, or as fit into BUDGET.
    """
    counts = {name: calls(run) for name, run in runs.items()}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    end = CLOCK() + BUDGET
    for k in range(rounds):
        if k >= FEWEST and CLOCK() > end:
            break
        for name, run in runs.items():
            seconds[name].append(timed(run, counts[name]))
    return {name: np.array(s) for name, s in seconds.items()}


def calls(run: Run) -> int:
    """How many calls make a round; the first call, which may compile, does not count."""
    run()
    return max(1, int(ROUND / max(timed(run, 1), 1e-6)))


def fastest(runs: Sequence[Run], rounds: int = 5) -> Run:
    """The run of the least median time."""
    seconds = compare({str(k): run for k, run in enumerate(runs)}, rounds)
    return runs[min(range(len(runs)), key=lambda k: float(np.median(seconds[str(k)])))]


def timed(run: Run, count: int) -> float:
    """Seconds of one call, the mean over `count` of them."""
    start = CLOCK()
    for _ in range(count):
        run()
    return (CLOCK() - start) / count


def quartiles(name: str, values: NDArray) -> dict[str, float]:
    """{name: median, name_low: lower quartile, name_high: upper quartile}."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    return {name: middle, f"{name}_low": low, f"{name}_high": high}
