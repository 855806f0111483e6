"""Pictures of letters and digits without end, drawn from the fonts that matplotlib ships."""

import pathlib
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.signature import Count, Range, Share, Size, checked, fields

FONTS = (  # every matplotlib since 3.8 ships them
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSerif-Italic",
    "DejaVuSansMono", "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "cmr10", "cmb10",
    "cmss10", "cmtt10", "DejaVuSerif-Bold",
)  # fmt: skip
DIGITS = "0123456789"
EM, CANVAS = 48, 96  # pixels of a master: the size of the font, and the side of the square
VIEW = 46  # of these pixels, the side of the part that a picture shows
FINE = 2  # points along each side of a pixel at which a master is read
ROWS = 256  # pictures made at once


@dataclass(frozen=True, eq=False)
class Glyphs:
    """Grey pictures of letters and digits, each drawn afresh; `glyphs` makes one.

    A character and a font are chosen at random; it is slanted, stretched, moved and made bolder or
    lighter by amounts uniform in plus or minus `slant` (a shear), `scale` (a share), `shift` (a
    share of the side) and `weight` (a share of the ink's edge).

    `sample(n, rng=)` gives x (n, size^2), integers 0 .. levels - 1, and with `labelled` the pair of
    x and y (n,), the place of the character in `characters`: a sampler, so `mg.fit` draws new
    pictures at every step.
    """

    size: Annotated[int, Range(8, 64)] = 16
    characters: str = DIGITS
    levels: Annotated[int, Range(2, 256)] = 16
    labelled: bool = False
    slant: Share = 0.25
    scale: Annotated[float, Range(0, 0.5)] = 0.15
    shift: Annotated[float, Range(0, 0.5)] = 0.06
    weight: Annotated[float, Range(0, 0.4)] = 0.2

    def __post_init__(self) -> None:
        fields(self)
        for c in self.characters:
            if not ("!" <= c <= "~"):
                raise validate.expected("characters", "printable ASCII characters", repr(c))
        if not self.characters:
            raise validate.expected("characters", "at least one character", "''")

    @property
    def features(self) -> int:
        """size^2."""
        return self.size**2

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of a picture."""
        return self.size, self.size, 1

    @cached_property
    def masters(self) -> NDArray:
        """(characters, fonts, CANVAS, CANVAS) float32 in 0..1: each glyph, its edges softened."""
        drawn = np.zeros((len(self.characters), len(FONTS), CANVAS, CANVAS), np.float32)
        for f, name in enumerate(FONTS):
            font = opened(name)
            for c, character in enumerate(self.characters):
                font.set_text(character)
                font.draw_glyphs_to_bitmap()
                image = np.array(font.get_image(), np.float32) / 255
                rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
                image = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                height, width = image.shape
                top, left = (CANVAS - height) // 2, (CANVAS - width) // 2
                drawn[c, f, top : top + height, left : left + width] = image
        for axis in (2, 3, 2, 3):  # a binomial filter: a level then stands for a distance
            drawn = (np.roll(drawn, 1, axis) + 2 * drawn + np.roll(drawn, -1, axis)) / 4
        return drawn

    @checked
    def sample(self, n: Size, *, rng: np.random.Generator) -> Any:
        """n pictures (n, size^2), uint8; and their labels (n,) if `labelled`.

        Parameters
        ----------
        n : how many
        rng : the generator of the samples

        Returns
        -------
        (n, size^2) uint8, or a pair of them and the labels

        Examples
        --------
        >>> mg.data.glyphs(8).sample(5, rng=rng).shape
        (5, 64)
        """
        y = rng.integers(0, len(self.characters), n)
        font = rng.integers(0, len(FONTS), n)
        turns = rng.uniform(-1, 1, (n, 6))
        x = np.empty((n, self.features), np.uint8)
        for k in range(0, n, ROWS):
            part = slice(k, k + ROWS)
            x[part] = self._drawn(y[part], font[part], turns[part])
        return (x, y) if self.labelled else x

    def _drawn(self, y: NDArray, font: NDArray, turns: NDArray) -> NDArray:
        """The pictures of these characters and fonts; turns (n, 6) in -1..1 move and shape them."""
        slant, width, height, right, down, weight = turns.T[:, :, None, None]
        at = ((np.arange(FINE * self.size) + 0.5) / (FINE * self.size) - 0.5)[None, :]
        v = (at[:, :, None] - self.shift * down) * VIEW / (1 + self.scale * height)
        u = (at[:, None, :] - self.shift * right) * VIEW / (1 + self.scale * width)
        u = u + self.slant * slant * v
        ink = interpolated(self.masters, (y, font), v + CANVAS / 2 - 0.5, u + CANVAS / 2 - 0.5)
        ink = np.clip(4 * (ink - 0.4 + self.weight * weight) + 0.5, 0, 1)
        fine = ink.reshape(len(y), self.size, FINE, self.size, FINE).mean(axis=(2, 4))
        return np.round(fine * (self.levels - 1)).astype(np.uint8).reshape(len(y), -1)


@checked
def glyphs(
    size: Count = 16, characters: str = DIGITS, *, levels: Count = 16, labelled: bool = False,
    slant: float = 0.25, scale: float = 0.15, shift: float = 0.06, weight: float = 0.2,
) -> Glyphs:  # fmt: skip
    """Pictures of letters and digits without end, for models of pictures on any machine.

    Parameters
    ----------
    size : the side of a picture, 8..64
    characters : which are drawn, printable ASCII
    levels : the grey values are 0 .. levels - 1
    labelled : whether `sample` gives pairs of pictures and labels
    slant, scale, shift, weight : how far each picture departs from its font; 0 for not at all

    Returns
    -------
    Glyphs
        with `sample(n, rng=rng)`, `levels`, `features` and `shape`

    Raises
    ------
    InvalidInput
        for an option out of its range
    ImportError
        without matplotlib, whose fonts are used

    Examples
    --------
    >>> glyphs = mg.data.glyphs(16, "ABC", labelled=True)
    >>> x, y = glyphs.sample(5, rng=rng)
    >>> x.shape, x.dtype, y.shape
    ((5, 256), dtype('uint8'), (5,))
    """
    return Glyphs(size, characters, levels, labelled, slant, scale, shift, weight)


def opened(name: str) -> Any:
    """A font of matplotlib's, by the name of its file."""
    from matplotlib import ft2font, get_data_path  # where it is used: it is not light

    font = ft2font.FT2Font(str(pathlib.Path(get_data_path(), "fonts", "ttf", f"{name}.ttf")))
    font.set_size(EM, 72)
    return font


def interpolated(masters: NDArray, which: tuple[NDArray, ...], v: NDArray, u: NDArray) -> NDArray:
    """Masters at real-valued rows v and columns u, each (n, F, F), linear between the pixels."""
    v, u = (np.clip(np.broadcast_to(a, np.broadcast_shapes(v.shape, u.shape)), 0, CANVAS - 1.001)
            for a in (v, u))  # fmt: skip
    i, j = v.astype(np.intp), u.astype(np.intp)
    dv, du = (v - i).astype(np.float32), (u - j).astype(np.float32)
    c, f = (a[:, None, None] for a in which)
    top = masters[c, f, i, j] * (1 - du) + masters[c, f, i, j + 1] * du
    low = masters[c, f, i + 1, j] * (1 - du) + masters[c, f, i + 1, j + 1] * du
    return top * (1 - dv) + low * dv
