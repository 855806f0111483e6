"""Compiled kernels on disk: nothing is loaded that is not, to the bit, what this user saved.

numba keeps compiled code in files of pickled data, and believes them: one flipped bit may end the
process or give another result. Here each compiled signature of each kernel has one file, which
begins with a SHA-256 over everything it depends on:

    seal = SHA-256(source of the kernel, versions, signature, processor; content)

A file with another seal is removed before a byte of it is used, and the kernel is compiled again.
The seal finds damage and mistakes. It does not stop another user: that the folder is private does.
"""

import hashlib
import pathlib
import pickle
import platform
from collections.abc import Callable
from typing import Any

from minigen.core import files

SEAL = 32  # bytes


class SealedFiles:
    """What numba asks of the files of one kernel's cache: `load`, `save` and `flush`."""

    def __init__(self, folder: pathlib.Path, loop: Callable[..., Any], version: str) -> None:
        source = pathlib.Path(loop.__code__.co_filename).read_bytes()
        about = (source, version, platform.python_version(), platform.python_implementation())
        self.folder, self.version = folder, hashlib.sha256(repr(about).encode()).hexdigest()
        self.name = loop.__qualname__

    def place(self, key: Any) -> tuple[pathlib.Path, bytes]:
        """The file of a signature, and what its seal begins with."""
        start = f"{self.version} {self.name} {key!r}".encode()
        tag = hashlib.sha256(start).hexdigest()
        return self.folder / f"{self.name}.{self.version[:8]}.{tag[:16]}.nbc", start

    def load(self, key: Any) -> Any:
        """What was saved for a signature; None if there is nothing, or something else."""
        path, start = self.place(key)
        try:
            with files.open_regular(path) as file:
                content = file.read()
        except FileNotFoundError:
            return None
        except OSError:
            content = b""
        if content[:SEAL] != seal(start, content[SEAL:]):
            path.unlink(missing_ok=True)
            return None
        return pickle.loads(content[SEAL:])

    def save(self, key: Any, data: Any) -> None:
        """Save compiled code, and remove that of an older source of the same kernel."""
        from numba.core.serialize import dumps

        path, start = self.place(key)
        content = dumps(data)
        files.replace(path, seal(start, content) + content)
        for old in self.folder.glob(f"{self.name}[.-]*.nb[ci]"):
            if not old.name.startswith(f"{self.name}.{self.version[:8]}."):
                old.unlink(missing_ok=True)

    def flush(self) -> None:
        """Forget everything that was saved."""
        for path in self.folder.glob(f"{self.name}.*.nbc"):
            path.unlink(missing_ok=True)


def seal(start: bytes, content: bytes) -> bytes:
    """The SHA-256 that a file with this content must begin with."""
    return hashlib.sha256(start + content).digest()
