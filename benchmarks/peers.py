"""The other packages that are installed here, and the workloads as each of them does them."""

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable
from typing import Any

from minigen.bench import Workload, timing

PEERS = ("torch", "jax", "zuko", "nflows")


def installed() -> list[str]:
    """The names of the peers that can be measured here."""
    return [name for name in PEERS if importlib.util.find_spec(name)]


def peer_runs(work: Workload) -> dict[str, Callable[[], Any]]:
    """{name: function that does the workload once}, of all peers installed."""
    runs: dict[str, Callable[[], Any]] = {}
    for name in installed():
        runs |= importlib.import_module(f"{name}_peer").runs(work)
    runs = {name: run for name, run in runs.items() if works(name, run)}
    return {name: better(run) if name != "jax jit" else run for name, run in runs.items()}


def better(run: Callable[[], Any]) -> Callable[[], Any]:
    """A run of PyTorch's with all its threads, or with one, whichever is faster here.

    JAX reads its threads when it starts: XLA_FLAGS=--xla_cpu_multi_thread_eigen=false gives it one.
    """
    if "torch" not in sys.modules:
        return run
    torch = sys.modules["torch"]
    every = torch.get_num_threads()

    def on(threads: int) -> Callable[[], Any]:
        def limited() -> Any:
            torch.set_num_threads(threads)
            return run()

        return limited

    return timing.fastest([on(every), on(1)], rounds=3) if every > 1 else run


def works(name: str, run: Callable[[], Any]) -> bool:
    """Whether the first call succeeds: a peer may need a compiler that is missing here."""
    try:
        run()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]  # some messages fill a page
        warnings.warn(f"{name} is left out: {reason}", stacklevel=2)
        return False
    return True
