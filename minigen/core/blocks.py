"""Many rows, a block at a time: what a layer caches of one block is gone before the next."""

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import parallel

NUMBERS = 2**14  # in a block: the caches of 20 layers are small, and the products still fast
FEWEST, MOST = 64, 8192  # rows of a block
SLOW = 1024  # rows at least where a block takes many small steps, one for each coordinate
PATIENCE = 2.0  # seconds without a progress bar


def in_blocks(
    run: Callable[..., tuple[NDArray, ...]], arrays: Sequence[NDArray | None], bar: str = "rows",
    slow: bool = False,
) -> tuple[NDArray, ...]:  # fmt: skip
    """The outputs of `run` at the rows of some arrays, a block at a time, larger if it is `slow`.

    run(*blocks) gives a tuple of arrays with as many rows. An array of one row, or None, goes whole
    to every block. Where a person is watching, a bar is shown if it takes long. Products use one
    thread (`parallel.by_size`).
    """
    with parallel.by_size():
        return _in_blocks(run, arrays, bar, SLOW if slow else FEWEST)


def _in_blocks(
    run: Callable[..., tuple[NDArray, ...]], arrays: Sequence[NDArray | None], bar: str, fewest: int
) -> tuple[NDArray, ...]:
    """`in_blocks`, with as many threads as there are."""
    n = max(len(a) for a in arrays if a is not None)
    width = max((a[:1].size for a in arrays if a is not None and a.ndim > 1), default=1)
    size = max(fewest, min(MOST, NUMBERS // max(1, width)))  # np.clip takes ten times longer
    if n <= size:
        return run(*arrays)
    out: tuple[NDArray, ...] = ()
    for part in watched([slice(k, k + size) for k in range(0, n, size)], bar, size):
        found = run(*(a if a is None or len(a) == 1 else a[part] for a in arrays))
        out = out or tuple(np.empty((n, *a.shape[1:]), a.dtype) for a in found)
        for whole, a in zip(out, found, strict=True):
            whole[part] = a
    return out


def drawn(
    draw: Callable[..., NDArray], n: int, width: int, *arrays: NDArray, slow: bool = False
) -> NDArray:
    """n rows of draw(m, *blocks), which draws m of them: a block at a time, one after another."""
    places = np.broadcast_to(np.False_, (n, width))  # takes no memory
    return in_blocks(lambda a, *more: (draw(len(a), *more),), (places, *arrays), "samples", slow)[0]


def watched(parts: Sequence[slice], what: str, size: int) -> Iterator[slice]:
    """The parts, with a progress bar after two seconds where a person is watching."""
    shown: Any = None
    begun = time.monotonic()
    try:
        for k, part in enumerate(parts):
            yield part
            if shown is None and watching() and time.monotonic() - begun > PATIENCE:
                shown = progress_bar(len(parts) * size, what, k * size, leave=False)
            if shown is not None:
                shown.update(size)
    finally:
        if shown is not None:
            shown.close()


def watching() -> bool:
    """Whether standard error is a terminal or a notebook's."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def progress_bar(total: int, unit: str, done: int = 0, leave: bool = True) -> Any:
    """A bar of tqdm: a widget in a notebook that has widgets, else a line of text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are no widgets
        from tqdm.auto import tqdm
    return tqdm(total=total, initial=done, unit=unit, mininterval=0.2, leave=leave)
