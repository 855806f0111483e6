"""Measurements: training and sampling against the time of their matrix products, and peers."""

from minigen.bench.machine import machine
from minigen.bench.report import SECTIONS, text
from minigen.bench.workloads import WORKLOADS, Workload

__all__ = ["SECTIONS", "WORKLOADS", "Workload", "machine", "text"]
