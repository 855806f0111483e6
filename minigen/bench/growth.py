"""How the time of a step grows with the sizes: D, H, N, and T for a sampler."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from minigen.bench import compare
from minigen.bench.workloads import Workload

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
    return [row for letter in SIZES for row in _of(letter, rounds)]


def _of(letter: str, rounds: int) -> Iterator[dict[str, Any]]:
    """The rows of one letter; the first has no power."""
    before = None
    for work in SIZES[letter]:
        _, row = compare.measure(work, rounds)
        size = {"D": work.features, "H": work.hidden[0], "N": work.rows, "T": work.steps}[letter]
        new = {"what": work.name, "letter": letter, "size": size, "ms": row["ms"],
               "ratio": row["ratio"]}  # fmt: skip
        if before:
            new["power"] = math.log(new["ms"] / before["ms"]) / math.log(size / before["size"])
        yield new
        before = new
