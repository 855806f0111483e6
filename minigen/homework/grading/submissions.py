"""The submissions of a class: files, folders and zips, looked into by a worker, run by none.

A student's name is the entry's, without its suffix and the "(1)" of a copy. Of several entries of
one student the copy of the highest number counts, then the newest file, then a module before a
folder before a zip; the others are named in the note.
"""

import contextlib
import datetime
import hashlib
import json
import os
import pathlib
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from minigen.core import validate
from minigen.homework.assignments import NAMES
from minigen.homework.wall import LIMITS, Here, Limits, Lost, Worker, worker
from minigen.homework.wall.inside.uploads import MAX_SOURCE, MEMBERS, Unusable, chosen, left_out

DEPTH, MAX_UPLOAD = 4, 4_000_000
MEMORY = 512  # megabytes for looking into uploads, NumPy's own addresses among them
KINDS = (".py", "", ".zip")  # a module, a folder, a zip: of two that are alike the first counts
COPY = re.compile(r"(.+?)[ _]?\((\d{1,4})\)")


@dataclass(frozen=True)
class Upload:
    """An entry of the folder of submissions, not yet opened."""

    path: pathlib.Path
    kind: str  # its suffix, "" for a folder
    student: str
    copy: int = 0
    time: float = 0.0

    @property
    def entry(self) -> str:
        """The entry's name as it came, any script, safe to print."""
        return shown(self.path.name)


@dataclass(frozen=True)
class Submission:
    """What one student handed in: the module's bytes and what they tell, or the problem."""

    student: str
    entry: str = ""
    source: bytes = b""
    facts: dict[str, Any] = field(default_factory=dict)
    late: str = ""  # by how much, by the file's time
    others: tuple[str, ...] = ()  # entries of the same student that do not count

    @property
    def id(self) -> str:
        """A file name that stands for the student whatever else is handed in."""
        plain = unicodedata.normalize("NFKD", self.student).encode("ascii", "ignore").decode()
        slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:32].strip("-")
        digest = hashlib.sha256(self.student.encode()).hexdigest()[:8]
        return f"{slug}-{digest}" if slug else digest

    @property
    def problem(self) -> str:
        """Why it cannot be graded, if it cannot."""
        return self.facts.get("problem", "")

    @property
    def header(self) -> tuple | None:
        """(assignment, format, student, variant) as its header has them."""
        return tuple(self.facts["header"]) if "header" in self.facts else None

    @property
    def sha256(self) -> str:
        """The hash of what was handed in."""
        return hashlib.sha256(self.source + self.problem.encode()).hexdigest()


def shown(name: str) -> str:
    """A file name as text that can be written and printed, whatever its bytes.

    What cannot be printed is written as in Python, so that two names stay two.
    """
    text = os.fsencode(name.replace("\\", r"\\")).decode("utf-8", "backslashreplace")
    text = unicodedata.normalize("NFC", text)
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def find(folder: str | os.PathLike) -> list[list[Upload]]:
    """The uploads of each student, that which counts first; students in order."""
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise validate.expected("submissions", "a folder", folder)
    by = {}
    for path in folder.iterdir():
        if not path.name.startswith(("__", ".")):
            upload = _upload(path)
            by.setdefault(upload.student, []).append(upload)
    for uploads in by.values():
        uploads.sort(key=lambda u: (-u.copy, -u.time, (*KINDS, u.kind).index(u.kind), u.entry))
    return [by[student] for student in sorted(by)]


def _upload(path: pathlib.Path) -> Upload:
    """The entry at a path, whose student is in its name."""
    try:
        state = path.lstat()
    except OSError:
        return Upload(path, "?", shown(path.name))
    kind = "" if stat.S_ISDIR(state.st_mode) else path.suffix.lower()
    name = path.name[: -len(kind)] if kind else path.name
    name = shown(name[:-4] if kind and name.lower().endswith(".tar") else name)
    found = COPY.fullmatch(name)
    return Upload(path, kind, found[1] if found else name, int(found[2]) if found else 0,
                  state.st_mtime)  # fmt: skip


class Looker:
    """Looks into uploads one after the other; a worker that is lost costs one of them."""

    def __init__(self, level: int, limits: Limits = LIMITS, name: str | None = None) -> None:
        self.level, self.limits = level, replace(limits, memory=min(MEMORY, limits.memory))
        self.names = [f"{n}.py" for n in ([name] if name else NAMES)]
        self.worker: Worker | Here | None = None

    def look(self, uploads: Sequence[Upload], due: float | None = None) -> Submission:
        """The submission of a student, with its problem if it has one."""
        first, others = uploads[0], tuple(u.entry for u in uploads[1:])
        try:
            source, facts = self.opened(*read(first, self.names))
        except Exception as error:
            known = isinstance(error, Unusable)
            text = str(error) if known else f"could not be read ({type(error).__name__})"
            source, facts = b"", {"problem": text}
        late = "" if due is None or first.time <= due else span(first.time - due)
        return Submission(first.student, first.entry, source, facts, late, others)

    def opened(self, data: bytes, kind: str) -> tuple[bytes, dict[str, Any]]:
        """(the module, what is known of it), from a worker that runs no student's code."""
        if self.worker is None or self.worker.lost or self.worker.charged > self.limits.total / 2:
            self.close()
            self.worker = worker(self.level, self.limits)
        try:
            status, values = self.worker.open(data, kind, "/".join(self.names))
        except Lost as error:
            return b"", {"problem": f"could not be read: {error}"}
        if status or len(values) != 2:
            return b"", {"problem": "could not be read"}
        source, facts = (v.tobytes() for v in values)
        return source, json.loads(facts)

    def close(self) -> None:
        """Ends the worker."""
        if self.worker is not None:
            self.worker.close()

    def __enter__(self) -> "Looker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def span(seconds: float) -> str:
    """A time in words, to the minute."""
    minutes = int(seconds // 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    return f"{days} d {hours} h" if days else f"{hours} h {minutes % 60} min"


def due(text: str | None) -> float | None:
    """The seconds of a date and time such as 2026-11-30 23:59."""
    if text is None:
        return None
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except (ValueError, TypeError):
        raise validate.expected("due", "a date such as 2026-11-30 23:59", repr(text)) from None


def read(upload: Upload, names: Sequence[str]) -> tuple[bytes, str]:
    """(the bytes, "zip" or "py") of what is to be looked into."""
    if upload.kind == ".ipynb":
        raise Unusable(f"this is a notebook: hand in {names[0] if len(names) == 1 else 'the .py'}")
    if upload.kind == "":
        if not stat.S_ISDIR(upload.path.lstat().st_mode):
            raise Unusable(f"expected {' or '.join(names[:1])}, or a folder or zip with it")
        found = list(_modules(upload.path))
        return limited(found[chosen([p.name for p in found], "/".join(names))]), "py"
    if upload.kind not in KINDS:
        raise Unusable(f"expected {names[0]}, or a folder or zip with it")
    zipped = upload.kind == ".zip"
    return limited(upload.path, MAX_UPLOAD if zipped else MAX_SOURCE), "zip" if zipped else "py"


def _modules(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """The modules in a folder, links unfollowed, no more entries than MEMBERS."""
    todo, seen = [(folder, 1)], 0
    while todo:
        here, depth = todo.pop()
        with os.scandir(here) as entries:
            for entry in entries:
                if (seen := seen + 1) > MEMBERS:
                    raise Unusable(f"the folder has more than {MEMBERS} entries")
                if left_out(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False) and depth < DEPTH:
                    todo.append((pathlib.Path(entry.path), depth + 1))
                elif entry.name.lower().endswith(".py") and entry.is_file(follow_symlinks=False):
                    yield pathlib.Path(entry.path)


def limited(path: pathlib.Path, most: int = MAX_SOURCE) -> bytes:
    """The bytes of a regular file, if they are not too many; a pipe is not waited for."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = None
    with contextlib.suppress(OSError):
        if stat.S_ISREG(path.lstat().st_mode):
            handle = os.open(path, flags | getattr(os, "O_BINARY", 0))
    if handle is None:
        raise Unusable("not a file that can be read: a link, a device, or closed to the grader")
    with open(handle, "rb") as file:
        data = file.read(most + 1) if stat.S_ISREG(os.fstat(handle).st_mode) else b""
    if len(data) > most:
        raise Unusable(f"the file is larger than {most} bytes")
    return data
