"""The machine and the versions that a measurement was made with."""

import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Iterable
from typing import Any

import numpy as np


def machine(packages: Iterable[str] = ()) -> dict[str, Any]:
    """{system, processor, cores, usable, load, blas, threads, python, versions}.

    Parameters
    ----------
    packages : iterable of str
        More packages whose versions are wanted, beside minigen, NumPy and numba.

    Returns
    -------
    dict
        The facts by name.

    Examples
    --------
    >>> facts = mg.bench.machine()
    >>> facts["cores"] >= facts["usable"] >= 1, "numpy" in facts["versions"]
    (True, True)
    """
    from minigen import __version__

    here = [name for name in ("numpy", "numba", *packages) if importlib.util.find_spec(name)]
    versions = {name: importlib.metadata.version(name) for name in here}
    return {
        "system": platform.platform(), "processor": _processor(), "cores": os.cpu_count(),
        "usable": _usable(), "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "blas": _blas(), "threads": _threads(), "python": platform.python_version(),
        "versions": {"minigen": __version__, **versions},
    }  # fmt: skip


def described(facts: dict[str, Any]) -> str:
    """What `machine` returns as two lines of text.

    Parameters
    ----------
    facts : dict
        As `machine` returns them.

    Returns
    -------
    str
        Two lines.

    Examples
    --------
    >>> len(mg.bench.described(mg.bench.machine()).splitlines())
    2
    """
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return (
        f"{facts['processor']}, {facts['usable']} of {facts['cores']} cores, "
        f"{facts['blas']}, threads: {facts['threads']}\n"
        f"python {facts['python']}, {versions}"
    )


def _blas() -> str:
    """The library that does NumPy's matrix products."""
    parts: dict[str, Any] = np.show_config(mode="dicts") or {}  # type: ignore[assignment]
    blas = parts.get("Build Dependencies", {}).get("blas", {})
    return f"{blas.get('name', 'no BLAS')} {blas.get('version', '')}".strip()


def _usable() -> int:
    """The cores this process may run on, where the system tells."""
    every = os.cpu_count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else every


def _threads() -> str:
    """The number of threads that the environment sets for matrix products, or "all"."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return next((os.environ[name] for name in names if name in os.environ), "all")


def _processor() -> str:
    """The processor's name, where the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor()
