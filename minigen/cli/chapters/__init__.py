"""The chapters that the command line knows, in the order of the notes and of the demo.

To add one: a module here with `MODELS`, `FAMILIES` and `show` (see `minigen.cli.chapter`), and
its name in CHAPTERS.
"""

from typing import Any

from minigen.cli.chapter import Family
from minigen.cli.chapters import autoregressive, coupling, diffusion, markov, triplet
from minigen.core import validate

CHAPTERS: dict[str, Any] = {
    "real_nvp": coupling,
    "autoregressive": autoregressive,
    "diffusion": diffusion,
    "triplet": triplet,
    "markov": markov,
}
MODELS = {name: model for c in CHAPTERS.values() for name, model in c.MODELS.items()}
FAMILIES: dict[type, Family] = {
    kind: family for c in CHAPTERS.values() for kind, family in c.FAMILIES.items()
}


def family(path: str, model: Any) -> Family:
    """The family of a model that was read from a file."""
    if type(model) not in FAMILIES:
        known = ", ".join(kind.__name__ for kind in FAMILIES)
        name = type(model).__name__
        raise validate.expected(f"{path}: the class of the model", f"one of {known}", name)
    return FAMILIES[type(model)]
