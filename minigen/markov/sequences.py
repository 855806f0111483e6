"""Sequences of unequal length as one padded array and their lengths."""

import numpy as np

from minigen.core import validate


def padded(x, lengths=None, name="x"):
    """(array (N, n, ...), lengths (N,)) of an array of sequences or a list of unequal ones.

    A list's sequences are filled up with zeros to the longest; no result depends on the filling.
    lengths: of the rows of a padded array, by default all of it.
    """
    if isinstance(x, list | tuple):
        if lengths is not None:
            raise validate.expected("lengths", "none with a list of sequences", "some")
        return from_list(x, name)
    x = validate.array(name, x)
    if x.ndim < 2 or x.shape[1] < 1:
        got = f"shape {validate.shaped(x.shape)}" + "; one sequence is x[None]" * (x.ndim == 1)
        raise validate.expected(name, "an array (N, n, ...) or a list of sequences", got)
    if lengths is None:
        return x, np.full(len(x), x.shape[1])
    lengths = validate.array("lengths", lengths, (len(x),))
    if lengths.dtype.kind not in "iu" or np.any((lengths < 1) | (lengths > x.shape[1])):
        raise validate.expected("lengths", f"integers in 1..{x.shape[1]}", lengths)
    return x, lengths


def from_list(x, name):
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


def inside(shape, lengths):
    """Whether place i belongs to the sequence, (N, n); all do without lengths."""
    N, n = shape
    return np.arange(n) < (np.full(N, n) if lengths is None else np.asarray(lengths))[:, None]
