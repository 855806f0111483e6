"""minigen: generative models from scratch, every gradient by hand and checked.

Submodules load on first use: `import minigen as mg` compiles nothing and imports NumPy alone.
"""

import importlib

__version__ = "0.1.0"

SUBMODULES = (
    "bench", "check", "core", "data", "derivations", "diffusion", "flows", "homework", "kernels",
    "markov", "metric", "nn", "plot", "prob", "training",
)  # fmt: skip
SHORTCUTS = {
    "fit": "minigen.training",
    "save": "minigen.training",
    "load": "minigen.training",
}


def __getattr__(name):
    if name in SUBMODULES:
        return importlib.import_module(f"minigen.{name}")
    if name in SHORTCUTS:
        return getattr(importlib.import_module(SHORTCUTS[name]), name)
    raise AttributeError(f"module 'minigen' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *SUBMODULES, *SHORTCUTS])
