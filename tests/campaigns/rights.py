"""A campaign runs as an ordinary user: root could write what a user cannot."""

import os
import pathlib
import sys
import tempfile

NOBODY = 65534
NOSUID_NODEV = 2 | 4
PLACES = (sys.base_prefix, sys.prefix, pathlib.Path(__file__).resolve().parents[2], *sys.path)


def ordinary(folder: str) -> None:
    """Work in `folder` alone, and as the user nobody if this is root."""
    os.environ["HOME"] = os.environ["TMPDIR"] = tempfile.tempdir = folder
    os.environ.pop("XDG_CACHE_HOME", None)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        show([*PLACES, folder])
        os.chown(folder, NOBODY, NOBODY)
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    os.chdir(folder)


def show(places: list) -> None:
    """Make folders readable that lie in one closed to others, as a Python in /root does.

    In mounts that only this process and its children see, an empty folder takes the place of the
    closed one, with nothing but these folders in it.
    """
    found = sorted({os.path.realpath(p) for p in places if p and os.path.isdir(p)})
    hidden = {path: top for path in found if (top := closed(path))}
    outer = [p for p in hidden if not any(p.startswith(f"{other}{os.sep}") for other in hidden)]
    if not outer:
        return
    from minigen.homework.wall import ownroot as own

    own.checked(own.libc.unshare(own.NEWNS), "unshare")
    own.mount(None, "/", None, own.REC | own.PRIVATE)
    kept = {path: os.open(path, os.O_PATH) for path in outer}
    for top in sorted(set(hidden.values())):
        own.mount("none", top, "tmpfs", NOSUID_NODEV, "size=1m,mode=755")
    for path, file in kept.items():
        os.makedirs(path, exist_ok=True)
        own.mount(f"/proc/self/fd/{file}", path, None, own.BIND | own.REC)
        os.close(file)


def closed(path: str) -> str:
    """The first folder above `path` that others may not pass, or ""."""
    above = [str(p) for p in reversed(pathlib.Path(path).parents)]
    return next((p for p in above if not os.stat(p).st_mode & 0o001), "")
