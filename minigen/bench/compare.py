"""Each workload by minigen, by its floor and by the peers, in one run."""

import numpy as np

from minigen.bench import timing
from minigen.bench.floor import floor_run
from minigen.bench.peers import peer_runs
from minigen.bench.workloads import minigen_run


def measure(work, rounds):
    """Rows {workload, name, ratio, ratio_low, ratio_high, to_minigen, ms, ms_low, ms_high}.

    A ratio is the time by the floor's of the same round, to_minigen that by minigen's; low and
    high are quartiles of the rounds, everything else is their median.
    """
    runs = {"floor": floor_run(work), "minigen": minigen_run(work), **peer_runs(work)}
    seconds = timing.compare(runs, rounds)
    return [row(work, name, seconds) for name in runs]


def row(work, name, seconds):
    ratio = timing.quartiles(seconds[name] / seconds["floor"])
    to_minigen = float(np.median(seconds[name] / seconds["minigen"]))
    ms = timing.quartiles(1000 * seconds[name])
    keys = ("ratio", "ratio_low", "ratio_high", "to_minigen", "ms", "ms_low", "ms_high")
    values = (*ratio, to_minigen, *ms)
    return {"workload": work.name, "name": name, **dict(zip(keys, values, strict=True))}
