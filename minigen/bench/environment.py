"""The machine and the versions that a measurement was made with."""

import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Iterable
from typing import Any

import numpy as np

from minigen.core import parallel


def machine(packages: Iterable[str] = ()) -> dict[str, Any]:
    """{system, processor, cores, usable, load, blas, kernel, forced, threads, python, versions}.

    `kernel` is the set of products that the matrix library chose for this processor, `forced` the
    OPENBLAS_CORETYPE that chose it instead, or None.

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
        "blas": _blas(), "kernel": _kernel(), "forced": os.environ.get("OPENBLAS_CORETYPE"),
        "threads": _threads(), "python": platform.python_version(),
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
        f"{facts['blas']}, kernel {facts['kernel']}, threads: {facts['threads']}\n"
        f"python {facts['python']}, {versions}"
    )


def warnings(facts: dict[str, Any]) -> list[str]:
    """What makes measurements on this machine doubtful.

    Parameters
    ----------
    facts : dict
        As `machine` returns them.

    Returns
    -------
    list of str
        A line for each reason.

    Examples
    --------
    >>> mg.bench.warnings({"load": 0.1, "forced": None})
    []
    """
    found = []
    if facts["load"] is not None and facts["load"] > 0.5:
        found.append(f"the machine is not idle: its load is {facts['load']:.1f}")
    if facts["forced"]:
        found.append(
            f"OPENBLAS_CORETYPE={facts['forced']} is set: matrix products do not use the kernels "
            "of this processor"
        )
    return found


def _blas() -> str:
    """The library that does NumPy's matrix products."""
    parts: dict[str, Any] = np.show_config(mode="dicts") or {}  # type: ignore[assignment]
    blas = parts.get("Build Dependencies", {}).get("blas", {})
    return f"{blas.get('name', 'no BLAS')} {blas.get('version', '')}".strip()


def _kernel() -> str:
    """The kernels of NumPy's matrix library: asked through threadpoolctl, or of OpenBLAS itself."""
    if importlib.util.find_spec("threadpoolctl"):
        import threadpoolctl  # type: ignore[reportMissingImports]

        found = [f for f in threadpoolctl.threadpool_info() if f["user_api"] == "blas"]
        names = [f.get("architecture") for f in found if "numpy" in f["filepath"]]
        return next(filter(None, names), "unknown")
    return parallel.kernel() or "unknown"


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
