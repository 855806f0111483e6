"""Batches in which every anchor has positives."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.signature import Size, checked
from minigen.metric.mining import label_array


@dataclass(frozen=True, eq=False, repr=False)
class Balanced:
    """A sampler of class-balanced batches: P random classes with about K rows each.

    A class is drawn without replacement while it lasts. Give it to `fit` as data, with a
    `validation=(x, labels)` of its own: without one, `fit` mines 2048 rows at each validation.

    Parameters
    ----------
    x : data (N, D)
    labels : integers (N,)
    per_class : K
    augment : a function (x, rng) of drawn rows that returns changed copies

    Examples
    --------
    >>> digits = mg.data.digits().train
    >>> x, labels = mg.metric.Balanced(digits.x, digits.y, per_class=4).sample(12, rng=rng)
    >>> x.shape, np.unique(labels, return_counts=True)[1].tolist()
    ((12, 64), [4, 4, 4])
    """

    x: NDArray
    labels: NDArray
    per_class: int = 16
    augment: Callable[[NDArray, np.random.Generator], NDArray] | None = None

    def __post_init__(self) -> None:
        x = validate.array("x", self.x)
        if x.ndim == 0:
            raise validate.expected("x", "rows (N, ...)", x)
        if self.augment is not None and not callable(self.augment):
            raise validate.wrong_type(
                "augment", "a function (x, rng)", validate.shown(self.augment)
            )
        object.__setattr__(self, "x", x)  # rows of a table are positions, not its index
        object.__setattr__(self, "labels", label_array(self.labels, len(x)))
        validate.integer("per_class", self.per_class, 2)
        if len(np.unique(self.labels)) < 2:
            raise validate.expected("labels", "at least two classes", "one")

    @checked
    def sample(self, n: Size, *, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        """(x (n, D), labels (n,)): n rows as evenly from the P classes as can be.

        Parameters
        ----------
        n : how many
        rng : the generator of the samples

        Returns
        -------
        x (n, D), labels (n,)

        Examples
        --------
        >>> batches = mg.metric.Balanced(np.eye(4), [0, 0, 1, 1], per_class=2)
        >>> batches.sample(4, rng=rng)[1].shape
        (4,)
        """
        names = np.unique(self.labels)
        P = min(max(n // self.per_class, 2), len(names))
        sizes = np.diff(np.arange(P + 1) * n // P)
        classes = zip(rng.permutation(names)[:P], sizes, strict=True)
        rows = np.concatenate([self._of_class(name, size, rng) for name, size in classes])
        x = self.x[rows]
        return (x if self.augment is None else self.augment(x, rng)), self.labels[rows]

    def _of_class(self, name: int, size: int, rng: np.random.Generator) -> NDArray:
        """`size` row numbers of one class: whole permutations of it, the last one cut."""
        mine = np.flatnonzero(self.labels == name)
        rounds = 1 + size // len(mine)
        return np.concatenate([rng.permutation(mine) for _ in range(rounds)])[:size]

    def __repr__(self) -> str:
        return f"Balanced({self.x.shape}, {len(np.unique(self.labels))} classes)"
