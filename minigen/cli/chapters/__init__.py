"""The chapters that the command line knows, in the order of the notes and of the demo.

To add one: a module here with `MODELS`, `PARTS` and `chapter` (see `minigen.cli.chapter`), and
its name in CHAPTERS.
"""

from typing import Any

from minigen.cli.chapter import Family, Model
from minigen.cli.chapters import (
    autoregressive,
    clock,
    coupling,
    diffusion,
    markov,
    pictures,
    triplet,
)
from minigen.core import validate

CHAPTERS: dict[str, Any] = {
    "real_nvp": coupling,
    "autoregressive": autoregressive,
    "diffusion": diffusion,
    "pictures": pictures,
    "triplet": triplet,
    "markov": markov,
}
MODELS: dict[str, Model] = {
    name: model for c in (*CHAPTERS.values(), clock) for name, model in c.MODELS.items()
}


def family(path: str, model: Any) -> Family:
    """The family of a model that was read from a file."""
    families = {m.family.kind: m.family for m in MODELS.values()}
    if type(model) not in families:
        known = ", ".join(kind.__name__ for kind in families)
        name = type(model).__name__
        raise validate.expected(f"{path}: the class of the model", f"one of {known}", name)
    return families[type(model)]
