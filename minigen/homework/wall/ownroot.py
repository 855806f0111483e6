"""A file tree of the worker's own, in namespaces of its own (Linux). Stand-alone, for jail.py."""

import ctypes
import glob
import os
import shutil
import sys
import sysconfig

NEWNS, NEWUTS, NEWIPC, NEWUSER = 0x20000, 0x4000000, 0x8000000, 0x10000000
NEWPID, NEWNET = 0x20000000, 0x40000000
RDONLY, NOSUID, NODEV, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
WORK = "/.homework"  # no folder that Python or NumPy could lie in
PYTHON = os.path.realpath(sys.executable)
libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> None:
    """Raises the error of a system call that failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """The system call."""
    encoded = [None if s is None else os.fsencode(s) for s in (source, target, kind)]
    result = libc.mount(*encoded, ctypes.c_ulong(flags), os.fsencode(options))
    checked(result, f"mount {target}")


def separate() -> None:
    """New namespaces for what is started next; without root, inside a new user namespace.

    The mounts get theirs later, in the child: this process must never see them (see `clear`).
    """
    uid, gid = os.getuid(), os.getgid()
    flags = NEWUTS | NEWIPC | NEWPID | NEWNET | (NEWUSER if uid else 0)
    checked(libc.unshare(flags), "unshare")
    if uid:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"),
                           ("gid_map", f"{gid} {gid} 1")):  # fmt: skip
            with open(f"/proc/self/{name}", "w", encoding="utf-8") as file:
                file.write(text)


def own_tree(root: str, plan: dict) -> None:
    """A file tree at `root`: Python, NumPy and the worker, all read-only, and an empty WORK."""
    checked(libc.unshare(NEWNS), "unshare")
    mount(None, "/", None, REC | PRIVATE)
    mount("none", root, "tmpfs", NOSUID | NODEV, "size=1m,mode=755")
    for path in shown():
        graft(root, path)
    for folder in installed(root):
        mount("none", folder, "tmpfs", NOSUID | NODEV, "size=1m,mode=755")
    for name in ("numpy", "numpy.libs"):
        if os.path.exists(os.path.join(plan["numpy"], name)):
            graft(root, os.path.join(plan["numpy"], name))
    copied(plan["inside"], f"{root}/inside")
    os.mkdir(root + WORK)
    mount("none", root + WORK, "tmpfs", NOSUID | NODEV, "size=16m,nr_inodes=1000,mode=777")
    for folder in (*installed(root), root):
        mount("none", folder, None, REMOUNT | BIND | RDONLY | NOSUID | NODEV)
    os.chroot(root)


def copied(source: str, target: str) -> None:
    """Copies a folder of modules so that every user may read it."""
    os.mkdir(target)
    for path in glob.glob(f"{source}/*.py"):
        shutil.copyfile(path, os.path.join(target, os.path.basename(path)))
        os.chmod(os.path.join(target, os.path.basename(path)), 0o644)
    os.chmod(target, 0o755)


def shown() -> list[str]:
    """What Python needs to start: itself, its library, and the system's libraries."""
    base = [os.path.join(sys.base_prefix, name) for name in ("lib", "lib64")]
    wanted = [PYTHON, sysconfig.get_path("stdlib"), *base, *SYSTEM]
    found = []
    for path in sorted({p for p in [*wanted, "/etc/ld.so.cache"] if os.path.exists(p)}):
        if not any(path.startswith(f"{above}/") for above in found):
            found.append(path)
    return found


def installed(root: str) -> list[str]:
    """The folders of installed packages inside the tree: minigen, torch and the rest stay out."""
    names = ("site-packages", "dist-packages")
    under = [f"{root}{path}{deep}" for path in shown() for deep in ("", "/python3*")]
    return sorted({f for u in under for n in names for f in glob.glob(f"{u}/{n}")})


def graft(root: str, path: str) -> None:
    """The file or folder at `path`, read-only, at the same place under `root`."""
    target = root + path
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(path) and path in SYSTEM:
        os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        open(target, "wb").close()
    mount(path, target, None, BIND)
    mount(path, target, None, REMOUNT | BIND | RDONLY | NOSUID | NODEV)
