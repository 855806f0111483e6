"""What the rows of a model's data are: real numbers or integers, with or without a class."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.blocks import in_blocks
from minigen.core.contract import Bijection
from minigen.core.signature import Count, Size
from minigen.core.units import Units

FAR = 1e15  # its square is finite in float32, too


@dataclass(frozen=True)
class DataFormat:
    """D columns; integers 0..levels-1, or real numbers if levels is 0; a class below `classes`.

    The label `classes` itself stands for no class. Real numbers go through the maps `before`, and
    are standardised by `units` after them, all in float64.
    """

    features: Count
    levels: Size
    classes: Size
    dtype: np.dtype
    units: Units | None = None
    before: tuple[Bijection, ...] = ()

    @property
    def arrives(self) -> np.dtype:
        """The type in which the data are read: float64 where they have units of their own."""
        return np.dtype(np.float64) if self.units or self.before else self.dtype

    def defined(self, x: NDArray) -> NDArray:
        """Whether each row of x (N, D) is in the support: else its density is 0."""

        def run(x: NDArray) -> tuple[NDArray]:
            good, y = np.ones(len(x), bool), x.astype(np.float64)
            with np.errstate(all="ignore"):
                for f in self.before:
                    good &= f.defined(y)
                    y = f.forward(y)[0]
            return (good,)

        return in_blocks(run, (x,))[0]

    def mapped(self, x: NDArray) -> tuple[NDArray, NDArray]:
        """x after the maps `before`, in float64 if there are any, and their log-det (N,)."""
        logdet = np.zeros(len(x))
        for f in self.before:
            x, ell, _ = f.forward(x.astype(np.float64, copy=False))
            logdet = logdet + ell
        return x, logdet

    def volume(self, x: NDArray) -> NDArray:
        """log|det dz/dx| of each row of data, (N,): log p(x) is log p(z) and this."""
        (logdet,) = in_blocks(lambda x: self.mapped(x)[1:], (x,))
        return logdet - self.units.log_volume if self.units else logdet

    def scale(self, x: NDArray) -> NDArray:
        """Data (N, D) in the model's units and type: integers are laid on -1..1."""

        def run(x: NDArray) -> tuple[NDArray]:
            if self.levels:
                x = x.astype(np.int64) * (2 / (self.levels - 1)) - 1
            x, _ = self.mapped(x)
            if self.units:
                x = self.units.scale(x)
            return (x.astype(self.dtype, copy=False),)

        plain = not (self.levels or self.units or self.before) and x.dtype == self.dtype
        return x if plain else in_blocks(run, (x,))[0]

    def unscale(self, x: NDArray) -> NDArray:
        """Samples in the data's units: integers if the data are integers."""

        def run(x: NDArray) -> tuple[NDArray]:
            if self.units:
                x = self.units.unscale(x)
            for f in reversed(self.before):
                x = f.inverse(x.astype(np.float64, copy=False))[0]
            if not self.levels:
                return (x,)
            top = self.levels - 1
            return (np.clip(np.round((x + 1) * (top / 2)), 0, top).astype(int),)

        plain = not (self.levels or self.units or self.before)
        return x if plain else in_blocks(run, (x,))[0]

    def rows(self, x: ArrayLike, name: str = "x") -> NDArray:
        """Data (N, D), checked."""
        shape = ("N", self.features)
        x, top = validate.array(name, x, shape), self.levels - 1
        if len(x) == 0:
            raise validate.expected(name, "at least one row", "none")
        if self.levels:
            (good,) = in_blocks(lambda x: (validate.whole(x, 0, top),), (x,))
            validate.refuse(name, x, ~good, f"whole numbers in 0..{top}")
        return x

    def checked(
        self, x: ArrayLike, label: ArrayLike | None, name: str = "x"
    ) -> tuple[NDArray, NDArray | None]:
        """Data (N, D), checked and scaled, and their labels (N,) or None."""
        x = self.rows(x, name)
        if self.before:
            validate.refuse_outside(name, x, self.defined(x))
        z = self.scale(x)
        if max(-z.min(), z.max()) > FAR:
            what = f"numbers within {FAR:.0e} of 0 for the model"
            validate.refuse(name, x, np.abs(z) > FAR, what)
        return z, self.labels(label, len(x))

    def pairs(self, batch: Any, name: str = "x") -> tuple[NDArray, NDArray | None]:
        """A training batch, x or (x, label), checked and scaled."""
        return self.checked(*self.parts(batch, "data" if name == "x" else name), name)

    def parts(self, batch: Any, name: str = "data") -> tuple[Any, NDArray | None]:
        """A training batch, x or (x, label), the label checked."""
        x, *more = batch if isinstance(batch, tuple) else (batch,)
        label = more[0] if more else None
        if len(more) > 1 or (self.classes and label is None):
            wanted = "pairs (x, label), the model has classes" if self.classes else "x alone"
            got = f"a tuple of {1 + len(more)}" if len(more) > 1 else "x alone"
            raise validate.expected(name, wanted, got)
        if self.classes and label is not None:  # that which stands for none is drawn, not given
            label = validate.integers("label", label, 0, self.classes - 1)
        return x, label

    def labels(self, label: ArrayLike | None, n: Size) -> NDArray | None:
        """A label, or n of them, as an array (n,); None for a model without classes."""
        if not self.classes:
            if label is not None:
                got = validate.shown(label)
                raise validate.expected("label", "none (the model has no classes)", got)
            return None
        label = validate.integers(
            "label", self.classes if label is None else label, 0, self.classes
        )
        if label.shape not in ((), (n,)):
            raise validate.expected("label", f"one, or shape ({n},)", validate.shaped(label.shape))
        return np.broadcast_to(label, (n,))
