"""The machine a measurement was made on."""

import importlib.metadata
import os
import platform

import numpy as np

from minigen.bench import peers


def machine():
    """{system, processor, cores, usable, load, blas, threads, python, versions}."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "system": platform.platform(), "processor": processor(), "cores": os.cpu_count(),
        "usable": usable(), "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "blas": f"{blas['name']} {blas['version']}", "threads": threads(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in measured()},
    }  # fmt: skip


def measured():
    return "minigen", "numpy", "numba", *peers.installed()


def usable():
    """The cores this process may run on, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def threads():
    """What the environment allows the matrix products: a number, or all cores."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    return next((os.environ[name] for name in names if name in os.environ), "all")


def processor():
    """The processor's name where the system tells it."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor()


def described(facts):
    """The machine in words, a line for it and one for what is measured on it."""
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return (
        f"{facts['processor']}, {facts['usable']} of {facts['cores']} cores, "
        f"{facts['blas']}, threads: {facts['threads']}\n"
        f"python {facts['python']}, {versions}"
    )
