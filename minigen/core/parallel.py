"""How many threads do the work: matrix products on one, networks of convolutions dealt to several.

A product on several threads ends when the last of them does, so on a machine where anything else
runs each product waits for a thread that was sent to sleep. Measured with another program at work
on two cores, milliseconds of a training step with one thread and with two:

    Real NVP 2 (64, 64)       4.9     40        MAF 63 (512, 512)      36    643
    Real NVP 64 (128, 128)     16     76        MAF 64 (128, 128)      16     99
    Real NVP 64 (512, 512)     74    222        DDPM 64 (256)          18     74

So training and evaluation use one thread for products (`by_size`), except where each of them takes
longer than the pauses of a busy machine. The rule knows sizes only. It measures nothing, because a
choice by the clock would change from run to run, and with it the last digits.

Networks of convolutions use several cores in another way. Their products are small, and everything
between them - copies, norms, activations - is memory traffic. So a batch is cut into as many parts
as there are threads; each part runs the whole network in a thread of its own, with products of one
thread. NumPy lets other threads run while it copies or multiplies. Measured, a U-Net's step on
28 x 28, 16 channels, 64 rows, on two cores that others kept busy: one thread 1.07 s, dealt to two
0.74 s, two threads to each product 30 s, and 60 times the work.

The number of threads is that of NumPy's own matrix library (OPENBLAS_NUM_THREADS=1 means one here
too). Where that library cannot be told to use one, or the batch is small, nothing is dealt.
"""

import contextlib
import contextvars
import ctypes
import functools
import importlib.util
import itertools
import os
import pathlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate

T = TypeVar("T")
Blas = tuple[Callable[[], int], Callable[[int], Any]]

LEAST = 250_000  # numbers in a layer of the network, for which threads are worth their start
LONG = 2**29  # multiplications of a product that takes a core longer than a pause: 10 ms or more


@functools.cache
def own_blas(package: str = "numpy") -> ctypes.CDLL | None:
    """The OpenBLAS that came with NumPy, or with SciPy, or None."""
    home = pathlib.Path(str(sys.modules[package].__file__)).parent
    for folder in (home.parent / f"{package}.libs", home / ".dylibs"):
        for file in sorted(folder.glob("*openblas*")):
            with contextlib.suppress(OSError):
                return ctypes.CDLL(str(file))
    return None


def function(name: str, package: str = "numpy") -> Any:
    """A function of such an OpenBLAS, or None."""
    library = own_blas(package)
    names = (f"scipy_openblas_{name}64_", f"scipy_openblas_{name}", f"openblas_{name}")
    return next((getattr(library, n) for n in names if library and hasattr(library, n)), None)


def kernel() -> str | None:
    """The processor for which OpenBLAS chose its products, such as "SkylakeX"."""
    name = function("get_corename")
    if name is None:
        return None
    name.restype = ctypes.c_char_p
    return name().decode()


@functools.cache
def blas() -> Blas | None:
    """How many threads NumPy's own OpenBLAS uses, as functions that read and set it; or None.

    Another library is asked through threadpoolctl, where that is installed.
    """
    return threads_of("numpy") or other_blas()


@functools.cache
def threads_of(package: str) -> Blas | None:
    """The same of the OpenBLAS of a package, or None."""
    get, put = (function(f"{word}_num_threads", package) for word in ("get", "set"))
    if get is None or put is None:
        return None
    get.restype, put.argtypes = ctypes.c_int, [ctypes.c_int]
    return get, put


def scipy_blas() -> Blas | None:
    """The same of SciPy's, once its linear algebra is in use: it solves, with threads of its own.

    Two libraries with two threads each wait for one another: an IAF by reverse KL to a Gaussian
    took 8.0 ms a step with two threads, and 2.1 with one of them for SciPy.
    """
    return threads_of("scipy") if "scipy.linalg" in sys.modules else None


def other_blas() -> Blas | None:
    """The library of a NumPy that brings none of its own: MKL, or the system's."""
    if importlib.util.find_spec("threadpoolctl") is None:
        return None
    import threadpoolctl  # type: ignore[reportMissingImports]

    found = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
    return (found[0].get_num_threads, found[0].set_num_threads) if found else None


class Limits:
    """How many blocks of code, of all threads, limit the library now, and what it was set to."""

    lock = threading.Lock()
    count = 0
    before = 1
    scipy: tuple[Callable[[int], Any], int] | None = None  # how SciPy's is set, and to what it was


_own: contextvars.ContextVar[tuple[int, int] | None] = contextvars.ContextVar("_own", default=None)


@contextlib.contextmanager
def limited(products: int, dealt_to: int | None = None) -> Iterator[None]:
    """Inside, a matrix product uses so many threads, and rows are dealt to as many, or to others.

    What SciPy solves uses one.
    The number holds for the whole process: of two Python threads with limits the later sets it.
    """
    known = blas()
    if known is None:
        yield
        return
    get, put = known
    with Limits.lock:
        Limits.before = Limits.before if Limits.count else get()
        Limits.count += 1
        put(products)
        if Limits.scipy is None and (other := scipy_blas()) is not None:
            Limits.scipy = other[1], other[0]()
            other[1](1)
    token = _own.set((products, dealt_to or products))
    try:
        yield
    finally:
        _own.reset(token)
        outer = _own.get()
        with Limits.lock:
            Limits.count -= 1
            if outer or not Limits.count:
                put(outer[0] if outer else Limits.before)
            if not Limits.count and Limits.scipy is not None:
                again, number = Limits.scipy
                again(number)
                Limits.scipy = None


@contextlib.contextmanager
def by_size(multiplications: int = 0, threads: int | None = None) -> Iterator[None]:
    """Inside, products of at most so many multiplications use one thread.

    `threads`, or else MINIGEN_THREADS in the environment, is a number for all products instead.
    Where a limit stands already, it stays.
    """
    if _own.get() is not None:  # first: a sampler asks at each of its steps
        yield
        return
    wanted = threads or from_environment()
    if blas() is None or (multiplications >= LONG and not wanted):
        yield
        return
    with limited(wanted or 1, wanted or allowed()):
        yield


def from_environment() -> int | None:
    """MINIGEN_THREADS, or None."""
    text = os.environ.get("MINIGEN_THREADS", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 1024):
        raise validate.expected("MINIGEN_THREADS", "an integer from 1 to 1024", text)
    return int(text)


def allowed() -> int:
    """The threads to which rows may be dealt here."""
    known, own = blas(), _own.get()
    if known is None:
        return 1
    return own[1] if own else known[0]()


def parts(rows: int, numbers: int) -> list[slice]:
    """The rows 0 .. rows - 1 in equal parts, one for each thread; `numbers` in a layer, of all."""
    count = allowed() if numbers >= LEAST else 1
    cuts = np.linspace(0, rows, min(count, max(rows, 1)) + 1).round().astype(int)
    return [slice(int(a), int(b)) for a, b in itertools.pairwise(cuts)]


def dealt(run: Callable[[slice], T], pieces: list[slice]) -> list[T]:
    """run(part) for each part of the rows, each in its own thread; the results in order."""
    if len(pieces) == 1:
        return [run(pieces[0])]
    results: list[Any] = [None] * len(pieces)

    def work(k: int) -> None:
        try:
            results[k] = run(pieces[k])
        except BaseException as error:  # raised again where the others are waited for
            results[k] = error

    with limited(1):
        others = [
            threading.Thread(target=contextvars.copy_context().run, args=(work, k), daemon=True)
            for k in range(1, len(pieces))
        ]
        for thread in others:
            thread.start()
        work(0)
        for thread in others:
            thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def joined(rows: list[NDArray]) -> NDArray:
    """The rows of all parts."""
    return np.concatenate(rows) if len(rows) > 1 else rows[0]
