"""The peers that are installed: none is needed, they are only measured where they are."""

import importlib
import importlib.util
import warnings

PEERS = {name: f"minigen.bench.{name}_peer" for name in ("torch", "jax", "zuko", "nflows")}


def installed():
    """The names of the peers that can be measured here."""
    return [name for name in PEERS if importlib.util.find_spec(name)]


def peer_runs(work):
    """{name: function that does the workload once}, of all peers installed."""
    runs = {}
    for name in installed():
        runs |= importlib.import_module(PEERS[name]).runs(work)
    return {name: run for name, run in runs.items() if works(name, run)}


def works(name, run):
    """Whether a peer's first call succeeds: compilers may be missing, and that is its affair."""
    try:
        run()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]  # a compiler's fill a page
        warnings.warn(f"{name} is left out: {reason}", stacklevel=2)
        return False
    return True
