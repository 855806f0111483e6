"""The peers that are installed: PyTorch and JAX are not needed, only measured where they are."""

import importlib
import importlib.util

PEERS = {"torch": "minigen.bench.torch_peer", "jax": "minigen.bench.jax_peer"}


def installed():
    """The names of the peers that can be measured here."""
    return [name for name in PEERS if importlib.util.find_spec(name)]


def peer_runs(work):
    """{name: function that does the workload once}, of all peers installed."""
    runs = {}
    for name in installed():
        runs |= importlib.import_module(PEERS[name]).runs(work)
    return runs
