"""The submissions of a class: files, folders and zips, read without running or unpacking any."""

import hashlib
import pathlib
import re
import stat
import zipfile
from dataclasses import dataclass

from minigen.core import validate
from minigen.homework.marking.session import MAX_SOURCE

DEPTH, MEMBERS = 4, 2000


@dataclass(frozen=True)
class Submission:
    """What one student handed in: the module's bytes, or the problem with it."""

    student: str
    source: bytes = b""
    problem: str = ""

    @property
    def sha256(self):
        return hashlib.sha256(self.source + self.problem.encode()).hexdigest()


class Unusable(Exception):
    """Nothing in a submission that could be graded."""


def find(folder, name):
    """One submission for each entry of a folder, sorted; NAME.py is looked for in each."""
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise validate.expected("submissions", "a folder", folder)
    entries = sorted(p for p in folder.iterdir() if not p.name.startswith((".", "__")))
    students = unique([entry.stem if not entry.is_dir() else entry.name for entry in entries])
    return [one(entry, name, student) for entry, student in zip(entries, students, strict=True)]


def unique(stems):
    """Names fit for files, each once."""
    names = []
    for stem in stems:
        name = re.sub(r"[^\w.\-]", "_", stem, flags=re.ASCII).lstrip(".-") or "_"
        again = sum(n == name or n.startswith(f"{name}~") for n in names)
        names.append(f"{name}~{again + 1}" if again else name)
    return names


def one(entry, name, student):
    """The submission at a path: a file, a folder or a zip."""
    try:
        return Submission(student, read(pathlib.Path(entry), f"{name}.py"))
    except Unusable as error:
        return Submission(student, problem=str(error))
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError) as error:
        return Submission(student, problem=f"could not be read ({type(error).__name__})")


def read(entry, wanted):
    """The bytes of the module in an entry."""
    mode = entry.lstat().st_mode
    if stat.S_ISDIR(mode):
        return from_folder(entry, wanted)
    if not stat.S_ISREG(mode):
        raise Unusable("not a file but a link or a device: hand in the module itself")
    if entry.suffix.lower() == ".zip":
        return from_zip(entry, wanted)
    if entry.suffix.lower() == ".ipynb":
        raise Unusable(f"this is a notebook: hand in {wanted}")
    if entry.suffix.lower() != ".py":
        raise Unusable(f"expected {wanted}, or a folder or zip with it")
    return limited(entry)


def limited(path):
    """The bytes of a regular file, if they are not too many."""
    with open(path, "rb") as file:
        data = file.read(MAX_SOURCE + 1)
    if len(data) > MAX_SOURCE:
        raise Unusable(f"the file is larger than {MAX_SOURCE} bytes")
    return data


def from_folder(folder, wanted):
    """The module somewhere in a folder; links are not followed."""
    found = [
        p for p in sorted(folder.rglob("*.py"))
        if len(p.relative_to(folder).parts) <= DEPTH and not linked(p, folder)
    ]  # fmt: skip
    return limited(chosen(found, wanted, lambda p: p.name))


def linked(path, folder):
    """Whether a link stands anywhere on the way to a file, or it is no file."""
    way = [path, *path.parents]
    way = way[: way.index(folder)]
    return any(p.is_symlink() for p in way) or not path.is_file()


def from_zip(path, wanted):
    """The module in a zip, read in memory: nothing is unpacked, so names cannot lead anywhere."""
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if len(infos) > MEMBERS:
            raise Unusable(f"the zip has more than {MEMBERS} members")
        regular = [i for i in infos if i.filename.endswith(".py") and "__MACOSX" not in i.filename
                   and not stat.S_ISLNK(i.external_attr >> 16)]  # fmt: skip
        info = chosen(regular, wanted, lambda i: i.filename.replace("\\", "/").rsplit("/", 1)[-1])
        with archive.open(info) as file:
            data = file.read(MAX_SOURCE + 1)
    if len(data) > MAX_SOURCE:
        raise Unusable(f"the file is larger than {MAX_SOURCE} bytes")
    return data


def chosen(found, wanted, name):
    """The file of the wanted name, or the only one."""
    exact = [f for f in found if name(f) == wanted]
    if len(exact) == 1 or (not exact and len(found) == 1):
        return (exact or found)[0]
    raise Unusable(f"expected one {wanted}, found {len(exact) or len(found)} files")
