"""Builds the wall, starts the worker behind it, and takes everything down again.

Stand-alone: `python -I -S -B jail.py PLAN` with PLAN a JSON object (level, numpy, inside: the
worker's folder, limits, lifeline and status: two descriptors). It builds the level asked for, and
says on `status` what it reached and the worker's process id. When the lifeline closes, or the
worker ends, nothing of the worker survives.

    level 2   own file tree (Python, NumPy, an empty folder), own process tree, no network
    level 1   another user id (needs root)
    level 0   a process of its own with limits on time, memory, files
"""

import glob
import json
import os
import pwd
import resource
import select
import shutil
import signal
import socket
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # -I leaves it out
import ownroot

PDEATHSIG, CAPBSET_DROP, SUBREAPER, NO_NEW_PRIVS = 1, 24, 36, 38
LINUX = sys.platform == "linux"
OPEN = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue")  # where everybody may write


def prctl(option: int, value: int) -> None:
    """Sets an option of this process (Linux)."""
    if LINUX:
        ownroot.checked(ownroot.libc.prctl(option, value, 0, 0, 0), f"prctl {option}")


def limit(plan: dict) -> None:
    """Limits on time, memory, files and processes, as far as the system knows them."""
    for name, value in plan["limits"].items():
        number = getattr(resource, f"RLIMIT_{name}", None)
        if number is None:
            continue
        try:
            resource.setrlimit(number, (value, value))
        except (ValueError, OSError):  # macOS refuses some of them
            continue


def another_user(number: int) -> None:
    """Gives up every right of root, and that any program could give them back."""
    if LINUX:
        for right in range(64):  # those that the kernel does not know are refused
            ownroot.libc.prctl(CAPBSET_DROP, right, 0, 0, 0)
    os.setgroups([])
    os.setresgid(number, number, number)
    os.setresuid(number, number, number)


def behind(plan: dict, folder: str, level: int, user: int) -> None:
    """In the child: behind the wall of this level, becomes the worker."""
    inside = os.path.join(folder, "inside")
    if level == 2:
        ownroot.own_tree(folder, plan)
        inside, folder = "/inside", ownroot.WORK
    else:
        ownroot.copied(plan["inside"], inside)  # its own folder may be closed to this user
    worker = f"{inside}/worker.py"
    os.chdir(folder)
    limit(plan)
    if level:
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    if level and os.getuid() == 0:
        os.chown(".", user, user)
        another_user(user)
    if LINUX:
        prctl(NO_NEW_PRIVS, 1)
        prctl(PDEATHSIG, signal.SIGKILL)
    for path in (ownroot.PYTHON, worker, plan["numpy"]):
        if not os.access(path, os.R_OK | os.X_OK if path == ownroot.PYTHON else os.R_OK):
            raise PermissionError(f"user {user} may not read {path}")
    say(plan, {"level": level})
    os.closerange(3, 1 + max(256, plan["lifeline"], plan["status"]))
    names = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    os.execve(ownroot.PYTHON, [ownroot.PYTHON, "-I", "-S", "-B", worker, plan["numpy"]], names)


def say(plan: dict, facts: dict) -> None:
    """Tells the parent what was built, or what failed."""
    os.write(plan["status"], json.dumps(facts).encode() + b"\n")


def start(plan: dict, level: int, folder: str, user: int) -> int:
    """The process id of a child behind the wall of this level."""
    if level == 2:
        ownroot.separate()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        try:
            behind(plan, folder, level, user)
        except BaseException as error:
            say(plan, {"error": f"level {level}: {error}"})
        os._exit(1)
    return child


def watch(plan: dict, child: int) -> None:
    """Waits until the lifeline closes or the child ends; every 20 ms where there is no pidfd."""
    waiter = select.poll()
    waiter.register(plan["lifeline"], select.POLLIN | select.POLLHUP)
    handle = os.pidfd_open(child) if hasattr(os, "pidfd_open") else None
    if handle is not None:
        waiter.register(handle, select.POLLIN)
    while not waiter.poll(None if handle is not None else 20):
        if os.waitpid(child, os.WNOHANG)[0]:
            return


def end(child: int, level: int, user: int) -> None:
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


def orphans() -> list[int]:
    """Processes whose parents ended, which makes this process their parent (Linux)."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="utf-8") as file:
            return [int(number) for number in file.read().split()]
    except OSError:
        return []


def sweep(user: int) -> None:
    """Kills all that runs under the worker's user id, from a process of that id."""
    child = os.fork()
    if child == 0:
        try:
            os.setresuid(user, user, user)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def main() -> None:
    """Builds the wall, waits for the end, takes everything down."""
    plan = json.loads(sys.argv[1])
    level = plan["level"]
    user, held = free_user() if level and os.getuid() == 0 else (os.getuid(), None)
    if LINUX:
        prctl(SUBREAPER, 1)
    folder = tempfile.mkdtemp(prefix="homework-")
    try:
        child = start(plan, level, folder, user)
        say(plan, {"pid": child})
        watch(plan, child)
        end(child, level, user)
    except OSError as error:
        say(plan, {"error": f"level {level}: {error}"})
    finally:
        clear(folder, level)
        if level == 1 and held is not None:
            sweep_files(user)


def free_user() -> tuple[int, socket.socket]:
    """(a user id that no account has and no process runs under, what keeps it ours).

    A name that only one process can bind, and that the system frees when it ends.
    """
    for step in range(3000):
        user = 62000 + (os.getpid() + step) % 3000
        held = socket.socket(socket.AF_UNIX)
        try:
            if LINUX:
                held.bind(f"\0minigen homework {user}")
            pwd.getpwuid(user)
        except KeyError:
            if not any(owner(path) == user for path in glob.glob("/proc/[0-9]*")):
                return user, held
        except OSError:
            pass
        held.close()
    raise OSError("no user id is free")


def owner(path: str) -> int:
    """The user id that a path belongs to, links unfollowed; -1 if it is gone."""
    try:
        return os.lstat(path).st_uid
    except OSError:
        return -1


def sweep_files(user: int) -> None:
    """Removes what the worker's user id left in folders open to everybody."""
    for path in (p for folder in OPEN for p in glob.glob(f"{folder}/*", include_hidden=True)):
        if owner(path) == user:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.unlink(path)


def clear(folder: str, level: int) -> None:
    """Removes the folder and what the worker left in it, symlinks unfollowed.

    At level 2 the folder is empty here: it was the mount point of a tree this process cannot see.
    """
    os.rmdir(folder) if level == 2 else shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
