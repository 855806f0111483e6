"""The levels of the wall in words, and the highest that can be built on this machine."""

import functools
import os
import sys

from minigen.homework.wall.process import POSIX, PROCESSES, Limits, Lost, Refused, Worker

LEVELS = {
    -1: "the page itself, for practice: a browser has no processes, and sets no limits",
    0: "a process of its own, with limits on time, memory and files",
    1: "a process under another user id that cannot start other processes, with limits",
    2: "a file tree with Python and NumPy alone, without network, with limits",
}


def reached(wanted: int = 2) -> tuple[int, str]:
    """(level, why not higher): the highest wall up to `wanted` that can be built here."""
    if not PROCESSES:
        raise Refused(
            "a wall needs processes, and a browser has none: grade and make exams where minigen is "
            "installed; `minigen homework check` works here too, for practice"
        )
    why = []
    for level in range(wanted, -1, -1):
        reason = _obstacle(level)
        if reason is None:
            return level, "; ".join(why)
        why.append(reason)
    raise Refused("; ".join(why))


@functools.cache
def _obstacle(level: int) -> str | None:
    """Why a wall of this level cannot be built here, if it cannot."""
    if level == 2 and sys.platform != "linux":
        return f"level 2 needs the namespaces of Linux, this is {sys.platform}"
    if level == 1 and not (POSIX and os.getuid() == 0):
        return "level 1 needs root, to change the user id"
    try:
        with Worker(level, Limits()) as worker:
            worker.load(b"pass\n")
    except (Refused, Lost) as error:
        return f"level {level}: {error}".replace(f"level {level}: level {level}", f"level {level}")
    return None
