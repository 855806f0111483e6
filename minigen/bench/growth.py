"""How the time of a step grows with the sizes: D, H, N, and T for a sampler."""

import math
from dataclasses import replace
from typing import Any

from minigen.bench import timing
from minigen.bench.floor import floor_run
from minigen.bench.workloads import Workload, minigen_run

FLOW = Workload("RealNVP step", "real_nvp", "step", 64, 4, (128, 128), 256)
SAMPLER = Workload("DDPM sampling", "ddpm", "sample", 64, 3, (128,), 256, 40)
SIZES = {
    "D": [replace(FLOW, features=D) for D in (8, 32, 128, 512)],
    "H": [replace(FLOW, hidden=(H, H)) for H in (32, 64, 128, 256, 512)],
    "N": [replace(FLOW, rows=N) for N in (32, 128, 512, 2048)],
    "T": [replace(SAMPLER, steps=T) for T in (10, 40, 160)],
}


def measure(rounds: int) -> list[dict[str, Any]]:
    """Rows {what, letter, size, ms, ratio, power}; the time grows as size^power."""
    rows: list[dict[str, Any]] = []
    for letter, works in SIZES.items():
        before = None
        for work in works:
            new = _one(letter, work, rounds)
            if before:
                grown = new["ms"] / before["ms"]
                new["power"] = math.log(grown) / math.log(new["size"] / before["size"])
            rows.append(new)
            before = new
    return rows


def _one(letter: str, work: Workload, rounds: int) -> dict[str, Any]:
    seconds = timing.compare({"floor": floor_run(work), "minigen": minigen_run(work)}, rounds)
    size = {"D": work.features, "H": work.hidden[0], "N": work.rows, "T": work.steps}[letter]
    ratio = timing.quartiles(seconds["minigen"] / seconds["floor"])[0]
    ms = timing.quartiles(1000 * seconds["minigen"])[0]
    return {"what": work.name, "letter": letter, "size": size, "ms": ms, "ratio": ratio}
