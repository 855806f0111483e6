"""Each workload by minigen, by its floor and by the peers, in one run."""

from minigen.bench import timing
from minigen.bench.floor import floor_run
from minigen.bench.peers import peer_runs
from minigen.bench.workloads import minigen_run


def measure(work, rounds):
    """Rows {workload, name, ratio, ratio_low, ratio_high, ms, ms_low, ms_high} of one workload.

    A ratio is the time by the floor's of the same round; low and high are quartiles of the rounds.
    """
    runs = {"floor": floor_run(work), "minigen": minigen_run(work), **peer_runs(work)}
    seconds = timing.compare(runs, rounds)
    return [row(work, name, seconds) for name in runs]


def row(work, name, seconds):
    ratio = timing.quartiles(seconds[name] / seconds["floor"])
    ms = timing.quartiles(1000 * seconds[name])
    keys = ("ratio", "ratio_low", "ratio_high", "ms", "ms_low", "ms_high")
    return {"workload": work.name, "name": name, **dict(zip(keys, ratio + ms, strict=True))}
