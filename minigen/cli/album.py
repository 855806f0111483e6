"""Pictures as `--data`: glyphs drawn afresh, or the pictures of a file or a folder."""

import math
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen import data
from minigen.cli.options import note
from minigen.cli.record import fingerprints
from minigen.core import validate
from minigen.data.baseline import bits_per_dim
from minigen.data.idx_file import is_idx

ARRAYS = (".npy", ".npz")  # pictures if --size is given, else tables
SIZE, LEVELS, KEPT = 16, 16, 2000  # of glyphs; glyphs and pictures that are measured
SHARE = 0.1  # of the pictures of a file, for each of validation and test


@dataclass(frozen=True, eq=False)
class Part:
    """Pictures as rows x (N, D), and their class numbers y (N,), or None."""

    x: NDArray
    y: NDArray | None


@dataclass(frozen=True, eq=False)
class Album:
    """Pictures in three parts, as `data.digits` has them, and what the file of a model keeps.

    counts: (D, levels), how often each value stands in each pixel of the training pictures; seen:
    fingerprints of the pictures that were trained or validated on; fresh: the sampler of glyphs.
    """

    train: Part
    validation: Part
    test: Part
    levels: int
    features: int
    classes: tuple[str, ...]
    counts: NDArray
    seen: NDArray
    fresh: data.Glyphs | None = None

    @property
    def baselines(self) -> dict[str, float]:
        """Bits per dimension of the test part: uniform, and each pixel by itself."""
        p = (self.counts + 0.1) / (self.counts + 0.1).sum(axis=1, keepdims=True)
        nll = -np.log(p)[np.arange(self.features), self.test.x].sum(axis=1).mean()
        alone = float(bits_per_dim(nll, self.features))
        return {"uniform": float(np.log2(self.levels)), "independent pixels": alone}

    def state(self) -> dict[str, Any]:
        """What stands beside a model in its file."""
        plain = {"classes": list(self.classes), "levels": self.levels}
        return {"pictures": plain, "pixel_counts": self.counts, "seen_pictures": self.seen}


def is_pictures(name: str, size: int | None) -> bool:
    """Whether --data names pictures: glyphs, MNIST's format, a folder, or an array with --size."""
    path = pathlib.Path(name)
    if path.suffix.lower() in ARRAYS:
        return size is not None
    return name == "glyphs" or path.is_dir() or is_idx(path)


def album(name: str, size: int | None, levels: int | None, rng: np.random.Generator) -> Album:
    """The pictures of that name, to train on."""
    if name == "glyphs":
        return glyphs(size or SIZE, levels or LEVELS, rng)
    x, y, classes, K = read(name, size, levels or 256)
    order = rng.permutation(len(x))
    count = max(1, round(SHARE * len(x)))
    if len(x) < 2 * count + 2:
        raise validate.expected(name, "at least 4 pictures", len(x))
    new, kept, old = np.split(order, [count, 2 * count])
    train, validation, test = (
        Part(x[at], None if y is None else y[at]) for at in (old, new, kept[:KEPT])
    )
    seen = fingerprints(x[np.concatenate([old, new])])
    return Album(
        train, validation, test, K, x.shape[1], classes, counted(train.x, K), seen
    )  # fmt: skip


def glyphs(size: int, levels: int, rng: np.random.Generator) -> Album:
    """Digits of many fonts, drawn afresh at every step; a fixed draw validates, another tests."""
    source = data.glyphs(size, levels=levels, labelled=True)
    some, validation, test = (
        Part(*source.sample(n, rng=np.random.default_rng(seed)))
        for seed, n in enumerate((2 * KEPT, KEPT // 4, KEPT))
    )
    none = np.zeros(0, np.uint64)
    return Album(
        some, validation, test, levels, source.features, tuple(source.characters),
        counted(some.x, levels), none, source,
    )  # fmt: skip


def read(
    name: str, size: int | None, levels: int
) -> tuple[NDArray, NDArray | None, tuple[str, ...], int]:
    """Square pictures of a file or a folder as rows, their class numbers, the classes, levels."""
    found = data.pictures(name, size, levels)
    height, width = found.x.shape[1:]
    if height != width:
        raise validate.expected(name, "square pictures (--size N makes them)", f"{height}x{width}")
    if found.y is None:
        return found.flat, None, (), found.levels
    values, y = np.unique(found.y, return_inverse=True)
    names = found.names or tuple(str(v) for v in values)
    return found.flat, y, names, found.levels


def measured(name: str, model: Any, state: Mapping[str, Any]) -> Album:
    """The pictures of that name as a trained model takes them, all as the test part.

    Of a file that it was trained on, those that it has not seen, if there are such.
    """
    size = math.isqrt(model.features)
    if size * size != model.features or not model.levels:
        got = f"one of {model.features} columns and {model.levels or 'no'} levels"
        raise validate.expected(name, "a model of square pictures", got)
    rng = np.random.default_rng(0)
    if name == "glyphs":
        return glyphs(size, model.levels, rng)
    x, y, classes, K = read(name, size, model.levels)
    known = state.get("pictures", {"classes": list(classes)})["classes"]
    new = sorted(set(classes) - set(known))
    if new and known:
        raise validate.expected(f"{name}: labels", f"among {', '.join(known)}", new[0])
    if y is not None and known:
        y = np.array([known.index(c) for c in classes])[y]
    seen = state.get("seen_pictures", np.zeros(0, np.uint64))
    fresh = ~np.isin(fingerprints(x), seen)
    if fresh.any() and not fresh.all():
        note(f"{name}: {fresh.sum()} of {len(x)} pictures were held out, and are measured")
    elif not fresh.any():
        note(f"{name}: no picture here was held out")
        fresh[:] = True
    at = np.flatnonzero(fresh)
    at = np.sort(rng.permutation(at)[:KEPT])
    counts = state.get("pixel_counts", np.zeros((x.shape[1], K), np.int64))
    part = Part(x[at], None if y is None else y[at])
    return Album(part, part, part, K, x.shape[1], tuple(known), counts, seen)


def counted(x: NDArray, levels: int) -> NDArray:
    """How often each of the levels stands in each column, (D, levels)."""
    return np.stack([np.bincount(column, minlength=levels) for column in x.T]).astype(np.int64)
