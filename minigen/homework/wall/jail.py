"""Builds the wall, starts the worker behind it, and takes everything down again.

Stand-alone: `python -I -S -B jail.py PLAN` with PLAN a JSON object (level, numpy, worker, limits,
lifeline and status: two descriptors). It tries the highest level asked for and says on `status`
what it reached. When the lifeline closes, or the worker ends, nothing of the worker survives.

    level 2   own file tree (Python, NumPy, an empty folder), own process tree, no network
    level 1   another user id (needs root)
    level 0   a process of its own with limits on time, memory, files
"""

import ctypes
import glob
import json
import os
import select
import signal
import sys
import sysconfig
import tempfile

NEWNS, NEWUTS, NEWIPC, NEWUSER = 0x20000, 0x4000000, 0x8000000, 0x10000000
NEWPID, NEWNET = 0x20000000, 0x40000000
RDONLY, NOSUID, NODEV, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
PDEATHSIG, NO_NEW_PRIVS, SUBREAPER = 1, 38, 36
SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
LINUX = sys.platform == "linux"
PYTHON = os.path.realpath(sys.executable)
libc = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None


def checked(result, what):
    """The result of a system call, or the error it left."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def prctl(option, value):
    if LINUX:
        checked(libc.prctl(option, value, 0, 0, 0), f"prctl {option}")


def mount(source, target, kind, flags, options=""):
    encoded = [None if s is None else os.fsencode(s) for s in (source, target, kind)]
    result = libc.mount(*encoded, ctypes.c_ulong(flags), os.fsencode(options))
    checked(result, f"mount {target}")


def separate():
    """New namespaces for what is started next; without root, inside a new user namespace.

    The mounts get theirs later, in the child: this process must never see them (see `clear`).
    """
    uid, gid = os.getuid(), os.getgid()
    flags = NEWUTS | NEWIPC | NEWPID | NEWNET | (NEWUSER if uid else 0)
    checked(libc.unshare(flags), "unshare")
    if uid:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"),
                           ("gid_map", f"{gid} {gid} 1")):  # fmt: skip
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)


def own_tree(root, plan):
    """A file tree at `root`: Python, NumPy and the worker, all read-only, and an empty /work."""
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
    with open(plan["worker"], "rb") as source, open(f"{root}/worker.py", "wb") as copy:
        copy.write(source.read())
    os.mkdir(f"{root}/work")
    mount("none", f"{root}/work", "tmpfs", NOSUID | NODEV, "size=16m,nr_inodes=1000,mode=777")
    for folder in (*installed(root), root):
        mount("none", folder, None, REMOUNT | BIND | RDONLY | NOSUID | NODEV)
    os.chroot(root)


def shown():
    """What Python needs to start: itself, its library, and the system's libraries."""
    base = [os.path.join(sys.base_prefix, name) for name in ("lib", "lib64")]
    wanted = [PYTHON, sysconfig.get_path("stdlib"), *base, *SYSTEM]
    found = []
    for path in sorted({p for p in [*wanted, "/etc/ld.so.cache"] if os.path.exists(p)}):
        if not any(path.startswith(f"{above}/") for above in found):
            found.append(path)
    return found


def installed(root):
    """The folders of installed packages inside the tree: minigen, torch and the rest stay out."""
    names = ("site-packages", "dist-packages")
    under = [f"{root}{path}{deep}" for path in shown() for deep in ("", "/python3*")]
    return sorted({f for u in under for n in names for f in glob.glob(f"{u}/{n}")})


def graft(root, path):
    """The file or folder at `path`, read-only, at the same place under `root`."""
    target = root + path
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(path) and path in SYSTEM:
        os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        open(target, "w").close()
    mount(path, target, None, BIND)
    mount(path, target, None, REMOUNT | BIND | RDONLY | NOSUID | NODEV)


def limit(plan):
    """Limits on time, memory, files and processes, as far as the system knows them."""
    import resource

    for name, value in plan["limits"].items():
        number = getattr(resource, f"RLIMIT_{name}", None)
        if number is None:
            continue
        try:
            resource.setrlimit(number, (value, value))
        except (ValueError, OSError):  # macOS refuses some of them
            continue


def another_user(number):
    """Lays down every right of root."""
    import resource

    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    os.setgroups([])
    os.setresgid(number, number, number)
    os.setresuid(number, number, number)


def behind(plan, folder, level, user):
    """In the child: behind the wall of this level, becomes the worker."""
    worker, folder_there = plan["worker"], folder
    if level == 2:
        own_tree(folder, plan)
        worker, folder_there = "/worker.py", "/work"
    os.chdir(folder_there)
    limit(plan)
    if level and os.getuid() == 0:
        os.chown(".", user, user)
        another_user(user)
    if LINUX:
        prctl(NO_NEW_PRIVS, 1)
        prctl(PDEATHSIG, signal.SIGKILL)
    for path in (PYTHON, worker, plan["numpy"]):
        if not os.access(path, os.R_OK | os.X_OK if path == PYTHON else os.R_OK):
            raise PermissionError(f"user {user} may not read {path}")
    say(plan, level=level)
    os.closerange(3, 256)
    names = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    os.execve(PYTHON, [PYTHON, "-I", "-S", "-B", worker, plan["numpy"]], names)


def say(plan, **facts):
    os.write(plan["status"], json.dumps(facts).encode() + b"\n")


def start(plan, level, folder, user):
    """The process id of a child behind the wall of this level."""
    if level == 2:
        separate()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        try:
            behind(plan, folder, level, user)
        except BaseException as error:
            say(plan, error=f"level {level}: {error}")
        os._exit(1)
    return child


def watch(plan, child):
    """Until the lifeline closes or the child ends; a poll each 20 ms where there is no pidfd."""
    waiter = select.poll()
    waiter.register(plan["lifeline"], select.POLLIN | select.POLLHUP)
    handle = os.pidfd_open(child) if hasattr(os, "pidfd_open") else None
    if handle is not None:
        waiter.register(handle, select.POLLIN)
    while not waiter.poll(None if handle is not None else 20):
        if os.waitpid(child, os.WNOHANG)[0]:
            return


def end(child, level, user):
    """Kills the worker and every process it left."""
    for kill in (os.kill, os.killpg):
        try:
            kill(child, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
    if level == 1 and os.getuid() == 0:
        sweep(user)
    while True:
        for orphan in orphans():
            os.kill(orphan, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def orphans():
    """Processes handed to this one, their reaper, when their parents ended (Linux)."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(number) for number in file.read().split()]
    except OSError:
        return []


def sweep(user):
    """Kills all that runs under the worker's user id, from a process of that id."""
    child = os.fork()
    if child == 0:
        try:
            os.setresuid(user, user, user)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def main():
    plan = json.loads(sys.argv[1])
    user, level = 62000 + os.getpid() % 3000, plan["level"]
    if LINUX:
        prctl(SUBREAPER, 1)
    folder = tempfile.mkdtemp(prefix="homework-")
    try:
        child = start(plan, level, folder, user)
        watch(plan, child)
        end(child, level, user)
    except OSError as error:
        say(plan, error=f"level {level}: {error}")
    finally:
        clear(folder, level)


def clear(folder, level):
    """Removes the folder and what the worker left in it, symlinks unfollowed.

    At level 2 the folder is empty here: it was the mount point of a tree this process cannot see.
    """
    import shutil

    os.rmdir(folder) if level == 2 else shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
