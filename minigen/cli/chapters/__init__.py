"""The chapters that the command line knows, in the order of the notes and of the demo.

To add one: a module here with `MODELS`, `FAMILIES` and `show` (see `minigen.cli.chapter`), and
its name in CHAPTERS.
"""

from minigen.cli.chapters import autoregressive, coupling, diffusion, markov, triplet
from minigen.core import validate

CHAPTERS = {
    "real_nvp": coupling,
    "autoregressive": autoregressive,
    "diffusion": diffusion,
    "triplet": triplet,
    "markov": markov,
}
MODELS = {name: model for c in CHAPTERS.values() for name, model in c.MODELS.items()}
FAMILIES = {name: family for c in CHAPTERS.values() for name, family in c.FAMILIES.items()}


def family(path, model):
    """The family of a model that was read from a file."""
    name = type(model).__name__
    validate.choice(f"{path}: the class of the model", name, FAMILIES)
    return FAMILIES[name]
