"""A file is replaced whole, or not at all."""

import contextlib
import errno
import os
import pathlib
import secrets
import stat
from collections.abc import Iterator
from typing import Any, BinaryIO

try:
    import fcntl

    flock = fcntl.flock
except (ImportError, AttributeError):  # Windows, where an open file cannot be removed; browsers
    fcntl: Any = None


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A binary file to write; when the block ends without an error it takes the place of `path`.

    It is written under another name in the same folder, forced to the disk, and renamed. After an
    error, or a crash, the old file is still there. What a crash left behind is removed by the next
    writer of the same file. An OSError names the file.
    """
    path = pathlib.Path(os.path.realpath(path))
    mode = _mode(path)
    try:
        sweep(path.parent, _escaped(_stem(path)))
        temporary, file = _beside(path)
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                if fcntl is None:
                    file.close()  # elsewhere it stays open, and so locked, until it is renamed
                if mode is not None:
                    os.chmod(temporary, mode)
                os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync(path.parent)
    except OSError as error:
        if error.errno is None or not str(error.filename or ".tmp").endswith(".tmp"):
            raise
        raise type(error)(error.errno, error.strerror, str(path)) from error


def replace(path: str | os.PathLike, content: bytes | str) -> None:
    """Write `content` (text as UTF-8) to `path`, whole or not at all."""
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


_held: set[tuple[int, int]] = set()  # folders of `alone` in this process


@contextlib.contextmanager
def alone(folder: str | os.PathLike) -> Iterator[bool]:
    """Whether no other process is in such a block for this folder; if so, none will be in it.

    A block inside another one of the same process is alone too, and so is each where a folder
    cannot be locked. What a killed process held is free.
    """
    handle = None
    if fcntl is not None:
        with contextlib.suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
    if handle is None:
        yield True
        return
    place = (os.fstat(handle).st_dev, os.fstat(handle).st_ino)
    ours = place in _held
    try:
        free = ours or _lock(handle) is not False
        _held.update([place] if free else [])
        yield free
    finally:
        if not ours:
            _held.discard(place)
        os.close(handle)


def open_regular(path: str | os.PathLike) -> BinaryIO:
    """Open a file to read; a folder, a pipe or a device is an OSError and never waited for."""
    wait = getattr(os, "O_NONBLOCK", 0)
    file = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | wait), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return file


def _mode(path: pathlib.Path) -> int | None:
    """The permissions of an old file that may be replaced; None if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return stat.S_IMODE(status.st_mode)


def _beside(path: pathlib.Path) -> tuple[pathlib.Path, BinaryIO]:
    """A new file in the folder of `path`, locked so that nobody takes it for an old one."""
    while True:
        temporary = path.with_name(f"{_stem(path)}{secrets.token_hex(8)}.tmp")
        file = temporary.open("xb")
        if _lock(file) is not False and temporary.exists():
            return temporary, file
        file.close()  # swept away before it was locked


def _stem(path: pathlib.Path) -> str:
    """How the temporary names of a file begin."""
    return f".{path.name[:80]}."


def _lock(file: BinaryIO | int) -> bool | None:
    """Lock a file until it is closed; None where there are no locks, False if it is locked."""
    if fcntl is None:
        return None
    try:
        flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except OSError:
        return None


def sweep(folder: pathlib.Path, stem: str = ".*.") -> None:
    """Remove the temporary files of writers that are no more: those that nobody has locked."""
    for old in folder.glob(f"{stem}{'[0-9a-f]' * 16}.tmp"):
        with contextlib.suppress(OSError), open_regular(old) as file:
            if _lock(file):
                old.unlink()
        if fcntl is None:
            with contextlib.suppress(OSError):
                old.unlink()


def _escaped(name: str) -> str:
    """A name in which * ? [ stand for themselves."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _sync(folder: pathlib.Path) -> None:
    """Make the rename durable, where the system can open a folder."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
