"""The machine a measurement was made on."""

import importlib.metadata
import os
import platform

import numpy as np

from minigen.bench import peers


def machine():
    """{processor, cores, load, python, blas, threads, and the versions of what was measured}."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    facts = {
        "system": platform.platform(), "processor": processor(), "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(), "blas": f"{blas['name']} {blas['version']}",
        "threads": os.environ.get("OPENBLAS_NUM_THREADS", "all"),
    }  # fmt: skip
    names = ("minigen", "numpy", "numba", *peers.installed())
    return facts | {name: importlib.metadata.version(name) for name in names}


def processor():
    """The processor's name where the system tells it."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor()
