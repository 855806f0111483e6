"""How high the wall is, in words, and how high it can be built on this machine."""

import functools
import os
import sys

from minigen.homework.wall.process import POSIX, Limits, Lost, Refused, Worker

LEVELS = {
    0: "a process of its own, with limits on time, memory and files",
    1: "a process under another user id that may start no other, with with limits",
    2: "a file tree with Python and NumPy alone, without network, with limits",
}


def reached(wanted=2):
    """(level, why not higher): the highest wall up to `wanted` that can be built here."""
    why = []
    for level in range(wanted, -1, -1):
        reason = obstacle(level)
        if not reason:
            return level, "; ".join(why)
        why.append(reason)
    raise Refused("; ".join(why))


@functools.cache
def obstacle(level):
    """Why a wall of this level cannot be built here, or ""."""
    if level == 2 and sys.platform != "linux":
        return f"level 2 needs the namespaces of Linux, this is {sys.platform}"
    if level == 1 and not (POSIX and os.getuid() == 0):
        return "level 1 needs root, to change the user id"
    try:
        with Worker(level, Limits()) as worker:
            worker.load(b"pass\n")
    except (Refused, Lost) as error:
        return f"level {level}: {error}".replace(f"level {level}: level {level}", f"level {level}")
    return ""
