"""`mpiexec -n K minigen train ...`: K processes that train one model.

Rank 0 prints and writes; the others are silent.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigen.core import validate
from minigen.training.ranks import Ranks

SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")  # what mpiexec sets
RANK = "PMIX_RANK"
COMMON = (KeyboardInterrupt, SystemExit, FloatingPointError, validate.InvalidInput)


def started() -> bool:
    """Whether mpiexec started this process, and others with it."""
    known = next((os.environ[name] for name in SIZES if name in os.environ), None)
    return RANK in os.environ if known is None else known != "1"


def world() -> Any:
    """The communicator of all processes that mpiexec started, or None for one alone."""
    if not started():
        return None
    try:
        from mpi4py import MPI  # type: ignore[reportMissingImports]
    except ImportError as error:
        what = "mpi4py, to train with several processes: pip install 'minigen[mpi]'"
        raise validate.expected("mpiexec", what, error) from None
    return MPI.COMM_WORLD


@contextlib.contextmanager
def silent(ranks: Ranks) -> Iterator[None]:
    """What ranks other than 0 print goes nowhere; an error of one rank alone ends them all.

    Of COMMON errors all ranks have the same, and rank 0 tells it; or, where rank 0 has died, the
    rank whose error has a note of what it wrote.
    """
    with contextlib.ExitStack() as stack:
        if ranks.rank:
            nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(contextlib.redirect_stdout(nowhere))
        try:
            yield
        except BaseException as error:
            if ranks.rank == 0 and isinstance(error, COMMON):
                raise
            if isinstance(error, COMMON) and not getattr(error, "__notes__", None):
                raise SystemExit(1) from None
            ranks.failed(error)
            raise


def meet(ranks: Ranks) -> None:
    """Wait for all ranks."""
    if not ranks.alone:
        ranks.sum(np.zeros(1))
