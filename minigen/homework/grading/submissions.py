"""The submissions of a class: files, folders and zips, read without running or unpacking any."""

import hashlib
import os
import pathlib
import re
import stat
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any

from minigen.core import validate
from minigen.core.validate import InvalidInput
from minigen.homework.marking.session import MAX_SOURCE

DEPTH, MEMBERS = 4, 2000


@dataclass(frozen=True)
class Submission:
    """What one student handed in: the module's bytes, or the problem with it."""

    student: str
    source: bytes = b""
    problem: str = ""

    @property
    def sha256(self) -> str:
        """The hash of what was handed in."""
        return hashlib.sha256(self.source + self.problem.encode()).hexdigest()


class Unusable(InvalidInput):
    """A submission that cannot be graded."""


def find(folder: str | os.PathLike, name: str) -> list[Submission]:
    """One submission for each entry of a folder, sorted; NAME.py is looked for in each."""
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise validate.expected("submissions", "a folder", folder)
    entries = sorted(p for p in folder.iterdir() if not p.name.startswith((".", "__")))
    students = unique([entry.stem if not entry.is_dir() else entry.name for entry in entries])
    return [one(entry, name, student) for entry, student in zip(entries, students, strict=True)]


def unique(stems: Sequence[str]) -> list[str]:
    """File names without special characters, no two the same."""
    names = []
    for stem in stems:
        name = re.sub(r"[^\w.\-]", "_", stem, flags=re.ASCII).lstrip(".-") or "_"
        again = sum(n == name or n.startswith(f"{name}~") for n in names)
        names.append(f"{name}~{again + 1}" if again else name)
    return names


def one(entry: pathlib.Path, name: str, student: str) -> Submission:
    """The submission at a path: a file, a folder or a zip."""
    try:
        return Submission(student, _read(entry, f"{name}.py"))
    except Unusable as error:
        return Submission(student, problem=str(error))
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError) as error:
        return Submission(student, problem=f"could not be read ({type(error).__name__})")


def _read(entry: pathlib.Path, wanted: str) -> bytes:
    """The bytes of the module in an entry."""
    mode = entry.lstat().st_mode
    if stat.S_ISDIR(mode):
        return _from_folder(entry, wanted)
    if not stat.S_ISREG(mode):
        raise Unusable("not a file but a link or a device: hand in the module itself")
    if entry.suffix.lower() == ".zip":
        return _from_zip(entry, wanted)
    if entry.suffix.lower() == ".ipynb":
        raise Unusable(f"this is a notebook: hand in {wanted}")
    if entry.suffix.lower() != ".py":
        raise Unusable(f"expected {wanted}, or a folder or zip with it")
    return limited(entry)


def limited(path: pathlib.Path) -> bytes:
    """The bytes of a regular file, if they are not too many."""
    with open(path, "rb") as file:
        return _capped(file)


def _capped(file: IO[bytes]) -> bytes:
    """All bytes of a file, if they are not too many."""
    data = file.read(MAX_SOURCE + 1)
    if len(data) > MAX_SOURCE:
        raise Unusable(f"the file is larger than {MAX_SOURCE} bytes")
    return data


def _from_folder(folder: pathlib.Path, wanted: str) -> bytes:
    """The module somewhere in a folder; links are not followed."""
    found = [
        p for p in sorted(folder.rglob("*.py"))
        if len(p.relative_to(folder).parts) <= DEPTH and not _linked(p, folder)
    ]  # fmt: skip
    return limited(_chosen(found, wanted, lambda p: p.name))


def _linked(path: pathlib.Path, folder: pathlib.Path) -> bool:
    """Whether a path below a folder goes through a link, or is no regular file."""
    way = [path, *path.parents]
    way = way[: way.index(folder)]
    return any(p.is_symlink() for p in way) or not path.is_file()


def _from_zip(path: pathlib.Path, wanted: str) -> bytes:
    """The module in a zip, read in memory: nothing is unpacked, so names cannot lead anywhere."""
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if len(infos) > MEMBERS:
            raise Unusable(f"the zip has more than {MEMBERS} members")
        regular = [i for i in infos if i.filename.endswith(".py") and "__MACOSX" not in i.filename
                   and not stat.S_ISLNK(i.external_attr >> 16)]  # fmt: skip
        info = _chosen(regular, wanted, lambda i: i.filename.replace("\\", "/").rsplit("/", 1)[-1])
        with archive.open(info) as file:
            return _capped(file)


def _chosen(found: Sequence, wanted: str, name: Callable[[Any], str]) -> Any:
    """The file of the wanted name, or the only one."""
    exact = [f for f in found if name(f) == wanted]
    if len(exact) == 1 or (not exact and len(found) == 1):
        return (exact or found)[0]
    raise Unusable(f"expected one {wanted}, found {len(exact) or len(found)} files")
