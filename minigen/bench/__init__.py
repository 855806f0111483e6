"""Measurements: a step of training against the time of its matrix products, and against peers."""

from minigen.bench.workloads import WORKLOADS, Workload, minigen_run

__all__ = ["WORKLOADS", "Workload", "minigen_run"]
