"""Times of several functions in one run, taken in turn, so that what disturbs one disturbs all."""

import time

import numpy as np

CLOCK = time.perf_counter
ROUND = 0.05  # seconds of one round of one function, at least
BUDGET = 30.0  # seconds of all rounds, after which there are no more than FEWEST
FEWEST = 3


def compare(runs, rounds=15):
    """{name: seconds of one call in each round} for runs = {name: function}.

    So many rounds, or as many as fit into BUDGET.
    """
    counts = {name: calls(run) for name, run in runs.items()}
    seconds = {name: [] for name in runs}
    end = CLOCK() + BUDGET
    for k in range(rounds):
        if k >= FEWEST and CLOCK() > end:
            break
        for name, run in runs.items():
            seconds[name].append(timed(run, counts[name]))
    return {name: np.array(s) for name, s in seconds.items()}


def calls(run):
    """How many calls make a round; the first call, which may compile, does not count."""
    run()
    return max(1, int(ROUND / max(timed(run, 1), 1e-6)))


def timed(run, count):
    """Seconds of one call, over `count` of them."""
    start = CLOCK()
    for _ in range(count):
        run()
    return (CLOCK() - start) / count


def quartiles(values):
    """The median, and the quartiles beside it."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float(middle), float(low), float(high)
