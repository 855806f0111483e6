"""The one place that knows numba: a loop, compiled on its first call, with its NumPy twin.

    @kernel(twin)
    def loop(...): ...

`loop(...)` runs compiled on real arrays. It runs `twin`, which is the definition, on complex
arrays (the checks), with MINIGEN_BACKEND=numpy, and where numba is not installed or cannot be
imported, which is said once. A loop with single=True is right to single precision only, and leaves
all but float32 to its twin.

Compiled code checks no index: where arrays do not fit one another it would read, and write, what
lies beyond them. So a loop of several arrays begins with a test of their shapes; it raises a
ValueError that says what they should be, and `loop(...)` adds what they are.

Compiled code is kept between processes in a private folder of the user's; MINIGEN_CACHE=0 turns
that off, MINIGEN_CACHE=DIR moves it. numba stores it with pickle: the folder must be the user's
own and closed to others, or nothing is kept, and each file is sealed (`cache`). A damaged or
unwritable cache only costs time.
"""

import functools
import importlib
import os
import pathlib
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from minigen.core.interrupts import held

F = TypeVar("F", bound=Callable[..., Any])


def kernel(twin: F, *, single: bool = False) -> Callable[[F], F]:
    """Compile the decorated loop lazily; `twin` is the same function in NumPy."""
    everything = np.typecodes["All"]
    left = everything.replace("f", "") if single else "FDG"  # types of arrays, left to the twin

    def decorate(loop: F) -> F:
        compiled = None

        @functools.wraps(loop)
        def call(*args: Any) -> Any:
            nonlocal compiled
            for a in args:
                if isinstance(a, np.ndarray) and a.dtype.char in left:
                    return twin(*args)
            if compiled is None:
                reuse_freed_memory()
                with held():  # an import or a compilation that is cut short may raise anything
                    compiled = build(loop, twin)
            if compiled is twin:
                return twin(*args)
            try:
                return compiled(*args)
            except SystemError as error:  # numba's word for what a signal raised inside the loop
                raise error.__cause__ or error from None
            except Exception as error:
                if not isinstance(error, ValueError) and "numba" not in type(error).__module__:
                    raise
                raise retold(error, loop.__name__, args) from error

        wrapped: Any = call
        wrapped.loop, wrapped.twin = loop, twin
        return wrapped

    return decorate


def reuse_freed_memory() -> None:
    """Raise glibc's trim threshold, so that the arrays of a step are reused by the next.

    Freeing a block of nearly 32 MB raises the threshold to twice its size. Without it each step of
    a model with arrays of 128 kB and more gives its pages back and asks for them again, which
    costs 60 % of a step (Real NVP, D = 64, H = 128). On other systems it does nothing.
    """
    np.empty(31 << 20, np.uint8)


def retold(error: Exception, name: str, args: Sequence[Any]) -> Exception:
    """The error of a compiled loop, with the shapes and dtypes of its arguments."""
    got = [f"{a.dtype} {a.shape}" if isinstance(a, np.ndarray) else repr(a) for a in args]
    what = str(error) if isinstance(error, ValueError) else "arrays and numbers as its twin takes"
    kind = ValueError if isinstance(error, ValueError) else TypeError
    return kind(f"{name}: expected {what}, got {', '.join(got)}")


def build(loop: Callable, twin: Callable) -> Callable:
    """The compiled loop, or its twin where numba is absent or not wanted."""
    if os.environ.get("MINIGEN_BACKEND") == "numpy":
        return twin
    numba = compiler()
    if numba is None:
        return twin
    options = {"error_model": "numpy", "nogil": True}  # no fastmath: a NaN must stay a NaN
    if numba.config.DISABLE_JIT:
        return numba.njit(**options)(loop)
    folder = cache_folder()
    compiled = cached(numba, loop, options, folder) if folder else numba.njit(**options)(loop)
    compiled.compile = whole(compiled.compile)
    return compiled


def whole(compile: Callable) -> Callable:
    """A compilation that no Ctrl-C cuts short: it might raise anything at all."""

    def run(*args: Any) -> Any:
        with held():
            return compile(*args)

    return run


@functools.cache
def compiler() -> Any:
    """The module numba, or None with a warning: the first time only, for the answer is kept."""
    try:
        return importlib.import_module("numba")
    except Exception as error:  # one that does not fit NumPy, or a lost library, may raise anything
        absent = isinstance(error, ModuleNotFoundError) and error.name == "numba"
        reason = "is not installed" if absent else f"cannot be imported ({error})"
        warnings.warn(
            f"numba {reason}: the loops run in NumPy, more slowly and with the same results; "
            "MINIGEN_BACKEND=numpy says that this is meant",
            stacklevel=5,
        )
        return None


def cached(numba: Any, loop: Callable, options: dict[str, Any], folder: pathlib.Path) -> Callable:
    """numba.njit with a disk cache of sealed files in `folder`; without one where that fails."""
    from minigen.kernels.cache import SealedFiles

    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        compiled = numba.njit(cache=True, **options)(loop)
        cache = compiled._cache
        if type(cache._cache_file).__name__ != "IndexDataCacheFile":  # of an unknown numba
            raise AttributeError("_cache_file")
        path = pathlib.Path(cache.cache_path)
        cache._cache_file = SealedFiles(path, loop, numba.__version__)
        compiled._cache = ForgivingCache(cache)
        return compiled
    except (RuntimeError, OSError, AttributeError):
        return numba.njit(**options)(loop)
    finally:
        numba.config.CACHE_DIR = before


class ForgivingCache:
    """numba's disk cache of one function, where any failure means: compile again."""

    def __init__(self, cache: Any) -> None:
        self.cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cache, name)

    def load_overload(self, signature: Any, context: Any) -> Any:
        try:
            return self.cache.load_overload(signature, context)
        except Exception:  # a truncated or foreign file may raise anything at all
            return None

    def save_overload(self, signature: Any, data: Any) -> None:
        try:
            self.cache.save_overload(signature, data)
        except Exception:  # disk full, damaged index, folder gone
            return None


def cache_folder() -> pathlib.Path | None:
    """The private folder for compiled code, or None where there is no safe one."""
    wish = os.environ.get("MINIGEN_CACHE", "")
    if wish == "0":
        return None
    try:
        folder = pathlib.Path(wish) if wish not in ("", "1") else default_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if private(folder) else None
    except (OSError, RuntimeError):
        return None


def default_folder() -> pathlib.Path:
    """Where each system keeps a user's caches."""
    tag = f"py{sys.version_info.major}{sys.version_info.minor}"
    if sys.platform == "win32":
        base = pathlib.Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir()))
    elif sys.platform == "darwin":
        base = pathlib.Path.home() / "Library" / "Caches"
    else:
        base = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    return base / "minigen" / tag


def private(folder: pathlib.Path) -> bool:
    """Whether `folder` is the user's own, writable, and writable by nobody else."""
    status = folder.stat()
    if hasattr(os, "getuid"):
        mine = status.st_uid == os.getuid()
        closed = not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        return mine and closed and os.access(folder, os.W_OK)
    return os.access(folder, os.W_OK)
