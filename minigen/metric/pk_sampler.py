"""Batches in which every anchor has positives."""

from dataclasses import dataclass

import numpy as np

from minigen.core import validate
from minigen.metric.mining import label_array


@dataclass(frozen=True, eq=False, repr=False)
class PKSampler:
    """A sampler of class-balanced batches: P random classes with about `per_class` rows each.

    x (N, D), labels (N,); `augment(x, rng)`, if given, returns changed copies of drawn rows. A
    class is drawn without replacement while it lasts. Give it to `fit` as data, with a
    `validation=(x, labels)` of its own: without one, `fit` mines 2048 rows at each validation.
    """

    x: np.ndarray
    labels: np.ndarray
    per_class: int = 16
    augment: object = None

    def __post_init__(self):
        label_array(self.labels, len(validate.array("x", self.x)))
        validate.integer("per_class", self.per_class, 2)
        if len(np.unique(self.labels)) < 2:
            raise validate.expected("labels", "at least two classes", "one")

    def sample(self, n, *, rng):
        """(x (n, D), labels (n,)): n rows as evenly from the P classes as can be."""
        names = np.unique(self.labels)
        P = min(max(n // self.per_class, 2), len(names))
        sizes = np.diff(np.arange(P + 1) * n // P)
        rows = np.concatenate([
            self.of_class(name, size, rng)
            for name, size in zip(rng.permutation(names)[:P], sizes, strict=True)
        ])  # fmt: skip
        x = self.x[rows]
        return (x if self.augment is None else self.augment(x, rng)), self.labels[rows]

    def of_class(self, name, size, rng):
        """`size` row numbers of one class: whole permutations of it, the last one cut."""
        mine = np.flatnonzero(self.labels == name)
        rounds = 1 + size // len(mine)
        return np.concatenate([rng.permutation(mine) for _ in range(rounds)])[:size]

    def __repr__(self):
        return f"PKSampler({self.x.shape}, {len(np.unique(self.labels))} classes)"
