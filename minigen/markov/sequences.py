"""Sequences of unequal length as one padded array and their lengths."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import checked


@checked
def padded(
    x: ArrayLike | Sequence[ArrayLike], lengths: ArrayLike | None = None, name: str = "x"
) -> tuple[NDArray, NDArray]:
    """Sequences as one array and their lengths.

    A list's sequences are filled up with zeros to the longest; no result depends on the filling.

    Parameters
    ----------
    x : a padded array (N, n, ...), or a list of arrays (n_k, ...) of unequal lengths
    lengths : (N,) of the rows of a padded array, by default all of it
    name : of the argument, for messages

    Returns
    -------
    x, lengths : arrays (N, n, ...) and (N,)

    Examples
    --------
    >>> x, lengths = mg.markov.padded([[1, 2, 3], [4]])
    >>> x.tolist(), lengths.tolist()
    ([[1, 2, 3], [4, 0, 0]], [3, 1])
    """
    if isinstance(x, list | tuple):
        if lengths is not None:
            raise validate.expected("lengths", "none with a list of sequences", "some")
        return _from_list(x, name)
    x = validate.array(name, x)  # type: ignore[arg-type]
    if x.ndim < 2 or x.shape[1] < 1:
        got = f"shape {validate.shaped(x.shape)}" + "; one sequence is x[None]" * (x.ndim == 1)
        raise validate.expected(name, "an array (N, n, ...) or a list of sequences", got)
    if lengths is None:
        return x, np.full(len(x), x.shape[1])
    return x, validate.integers("lengths", lengths, 1, x.shape[1], (len(x),))


def _from_list(x: Sequence[ArrayLike], name: str) -> tuple[NDArray, NDArray]:
    """The same of a list of arrays (n_k, ...)."""
    rows = [validate.array(f"{name}[{k}]", row) for k, row in enumerate(x)]
    for k, row in enumerate(rows):
        if row.ndim < 1 or len(row) < 1 or row.shape[1:] != rows[0].shape[1:]:
            shape = ("n", *rows[0].shape[1:]) if k else ("n", "...")
            what = f"shape {validate.shaped(shape)}, n >= 1"
            raise validate.expected(f"{name}[{k}]", what, f"{row.shape}")
    if not rows:
        raise validate.expected(name, "at least one sequence", "none")
    lengths = np.array([len(row) for row in rows])
    out = np.zeros((len(rows), lengths.max(), *rows[0].shape[1:]), np.result_type(*rows))
    for k, row in enumerate(rows):
        out[k, : len(row)] = row
    return out, lengths


def inside(shape: tuple[int, ...], lengths: ArrayLike | None) -> NDArray:
    """Whether place i belongs to the sequence, (N, n); all do without lengths."""
    N, n = shape
    return np.arange(n) < (np.full(N, n) if lengths is None else np.asarray(lengths))[:, None]
