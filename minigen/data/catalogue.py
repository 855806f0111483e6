"""The toy densities, by name."""

from dataclasses import fields

from minigen.core import validate
from minigen.data.base import Toy
from minigen.data.toys_checkerboard import Checkerboard
from minigen.data.toys_mixture import EightGaussians, Grid, Moons, SwissRoll, TwoSpirals
from minigen.data.toys_rings import Circles, Rings
from minigen.data.toys_warped import Banana, Funnel, Gaussian, Pinwheel, Waves

KINDS: tuple[type[Toy], ...] = (
    Moons, Circles, TwoSpirals, Checkerboard, EightGaussians, Pinwheel, Rings, Banana, Funnel,
    Gaussian, SwissRoll, Waves, Grid,
)  # fmt: skip
TOYS = {kind.name: kind for kind in KINDS}


def toys() -> tuple[str, ...]:
    """The names of the toy densities.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> mg.data.toys()[:3]
    ('moons', 'circles', 'two_spirals')
    """
    return tuple(TOYS)


@validate.options
def toy(
    name: str, *, noise: float | None = None, scale: float | None = None,
    side: float | None = None, radius: float | None = None, inner: float | None = None,
    outer: float | None = None, spacing: float | None = None, correlation: float | None = None,
    bend: float | None = None, blades: int | None = None, length: float | None = None,
    thickness: float | None = None, swirl: float | None = None,
) -> Toy:  # fmt: skip
    """The toy density of that name; help(mg.data.TOYS[name]) states its formula.

    Parameters
    ----------
    name : one of `toys()`
    noise : standard deviation of the blur or of the ridge: moons, circles, two_spirals,
        eight_gaussians, rings, banana, swiss_roll, waves, grid
    scale : standard deviation of the Gaussian below: banana, funnel, gaussian, waves
    side : width of a square of the checkerboard; number of Gaussians along a side of the grid
    radius : of the circle of eight_gaussians
    inner, outer : radii of circles
    spacing : between rings
    correlation : of gaussian
    bend : curvature of banana
    blades, length, thickness, swirl : number of blades of pinwheel, their extent, their rotation
        in radians per unit of radius

    Returns
    -------
    Toy
        with `sample(n, rng=rng)`, `log_prob(x)` and `entropy`

    Raises
    ------
    InvalidInput
        for an unknown name, an option that this toy does not have, or a value out of range

    Examples
    --------
    >>> mg.data.toy("moons", noise=0.05)
    Moons(noise=0.05)
    >>> mg.data.toy("pinwheel").sample(5, rng=rng).shape
    (5, 2)
    """
    options = {k: v for k, v in locals().items() if k != "name" and v is not None}
    kind = TOYS[validate.choice("name", name, toys())]
    known = [f.name for f in fields(kind)]
    for option in options:
        validate.choice(f"an option of {name}", option, known)
    return kind(**options)
