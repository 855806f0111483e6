"""Measurements: training and sampling against the time of their matrix products, and peers."""

from minigen.bench.machine import described, machine
from minigen.bench.report import SECTIONS, text, verdict
from minigen.bench.workloads import WORKLOADS, Workload

__all__ = ["SECTIONS", "WORKLOADS", "Workload", "described", "machine", "text", "verdict"]
