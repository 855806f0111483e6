"""Columns of a table on which a likelihood has no upper bound, named before training.

A density can be as high as it likes on values that repeat, or on the plane of columns that add up.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

REPEATED = 0.5  # the share of rows whose value another row has, from which a column is named
SINGULAR = 1e-8  # an eigenvalue of the correlations below it: columns that add up, but for digits


def warnings_of(x: NDArray, names: Sequence[str], given: Sequence[str] = ()) -> list[str]:
    """What is to be said of the columns of x; those in `given` are already treated."""
    different = np.unique(x, axis=0)
    if len(different) <= (1 - REPEATED) * len(x) and x.shape[1] > 1:
        rows = [f"{len(x)} rows, {len(different)} of them different: keep one of each"]
    else:
        rows = []
    said = [repeats(different[:, k], name) for k, name in enumerate(names) if name not in given]
    said += [counts_rows(x[:, k], name) for k, name in enumerate(names) if name not in given]
    return [*rows, *filter(None, said), *sums(x, names)]


def counts_rows(column: NDArray, name: str) -> str:
    """What is to be said of a column that numbers the rows, as an index of pandas does."""
    steps = np.diff(column)
    counted = len(column) > 2 and np.all(steps == 1)
    return f"{name} counts the rows: --drop {quoted(name)}" if counted else ""


def repeats(column: NDArray, name: str) -> str:
    """What is to be said of a column whose values repeat, or nothing."""
    values, counts = np.unique(column, return_counts=True)
    share = counts[counts > 1].sum() / len(column)
    if share < REPEATED:
        return ""
    step = spacing(values)
    if len(values) == 2:
        what = f"has two values, {values[0]:g} and {values[1]:g}"
    elif step and np.all(values == np.round(values)):
        what = f"has whole numbers, {values[0]:g}..{values[-1]:g}"
    else:
        what = f"stands on a grid of {step:.3g}" if step else f"repeats {len(values)} values"
    hint = f"--levels {quoted(name)}" if step else f"--drop {quoted(name)}"
    few = f", --label {quoted(name)}" if len(values) <= 20 else ""
    return f"{name} {what}: {hint}{few}"


def spacing(values: NDArray) -> float:
    """The step of the grid on which sorted values stand, or 0 if there is none to speak of."""
    gaps = np.diff(values)
    step = float(gaps.min())
    steps = gaps / step
    even = np.abs(steps - np.round(steps)).max() < 1e-3
    return step if even and round((values[-1] - values[0]) / step) < 10_000 else 0.0


def sums(x: NDArray, names: Sequence[str]) -> list[str]:
    """The columns that are sums of others, up to factors: one of each group must go."""
    std = x.std(axis=0)
    z = (x - x.mean(axis=0)) / np.where(std > 0, std, 1)
    s, V = np.linalg.eigh(z.T @ z / len(z))
    said = []
    for k in np.flatnonzero(s < SINGULAR):
        group = [names[j] for j, v in enumerate(np.abs(V[:, k])) if v > 0.05]
        last = group[-1] if group else names[0]
        others = ", ".join(group[:-1])
        said.append(f"{last} follows from {others}: --drop {quoted(last)}")
    if len(x) <= x.shape[1]:
        return [f"{len(x)} rows are fewer than needed for {x.shape[1]} columns: --drop some"]
    return said


def quoted(name: str) -> str:
    """A name as it is typed in a shell."""
    return name if name.replace("_", "").replace(".", "").isalnum() else f"'{name}'"
