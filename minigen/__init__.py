"""minigen: generative models from scratch, every gradient by hand and checked.

Submodules load on first use: `import minigen as mg` compiles nothing and imports NumPy alone.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what an editor or a type checker sees
    from minigen import (
        audit,
        bench,
        check,
        core,
        data,
        derivations,
        diffusion,
        flows,
        homework,
        markov,
        metric,
        nn,
        plot,
        prob,
        training,
    )
    from minigen.training import fit, load, save

__version__ = "0.2.0"

__all__ = [
    "audit", "bench", "check", "core", "data", "derivations", "diffusion", "fit", "flows",
    "homework", "load", "markov", "metric", "nn", "plot", "prob", "save", "training",
]  # fmt: skip
_FUNCTIONS = {"fit", "load", "save"}


def __getattr__(name: str) -> Any:
    if name in _FUNCTIONS:
        return getattr(importlib.import_module("minigen.training"), name)
    if name in __all__:
        return importlib.import_module(f"minigen.{name}")
    raise AttributeError(f"module 'minigen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
