"""Measure the speed of minigen: training and sampling against the time of their matrix products.

`python benchmarks` in a checkout measures PyTorch, JAX, zuko and nflows beside it.
"""

from minigen.bench.compare import measure
from minigen.bench.environment import described, machine, warnings
from minigen.bench.report import SECTIONS, measured, summary, table
from minigen.bench.workloads import WORKLOADS, Workload

__all__ = [
    "SECTIONS", "WORKLOADS", "Workload", "described", "machine", "measure", "measured", "summary",
    "table", "warnings",
]  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
