"""The toy densities, by name."""

from dataclasses import fields

from minigen.core import validate
from minigen.data.toys_checkerboard import Checkerboard
from minigen.data.toys_mixture import EightGaussians, Grid, Moons, SwissRoll, TwoSpirals
from minigen.data.toys_rings import Circles, Rings
from minigen.data.toys_warped import Banana, Funnel, Gaussian, Pinwheel, Waves

KINDS = (
    Moons,
    Circles,
    TwoSpirals,
    Checkerboard,
    EightGaussians,
    Pinwheel,
    Rings,
    Banana,
    Funnel,
    Gaussian,
    SwissRoll,
    Waves,
    Grid,
)
TOYS = {kind.name: kind for kind in KINDS}


def toys():
    """The names of the toy densities."""
    return tuple(TOYS)


def toy(name, **options):
    """The toy density of that name, for example toy("moons", noise=0.05).

    `toys()` lists the names; the class, TOYS[name], states the density and its options.
    """
    kind = TOYS[validate.choice("name", name, toys())]
    known = [f.name for f in fields(kind)]
    for option in options:
        validate.choice(f"an option of {name}", option, known)
    return kind(**options)
