"""The near side of the wall: starts a worker, asks it, and ends it whatever it does."""

import contextlib
import json
import os
import pathlib
import secrets
import select
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

import numpy as np

from minigen.homework.wall import frames

HERE = pathlib.Path(__file__).parent
HOME = str(pathlib.Path(np.__file__).parent.parent)
POSIX = os.name == "posix"
MB = 1 << 20


class Lost(Exception):
    """The worker is gone: it timed out, ended itself, or sent what is no answer."""


class Refused(ValueError):
    """The wall asked for cannot be built here."""


@dataclass(frozen=True)
class Limits:
    """Seconds for one call and for loading the file, seconds in all, memory and files in MB."""

    call: float = 5.0
    load: float = 8.0
    total: float = 40.0
    memory: int = 2048
    file: int = 8

    def system(self):
        """The same for the operating system, by the names of RLIMIT_*."""
        cpu = int(self.total) + 1
        return {
            "CPU": cpu,
            "AS": self.memory * MB,
            "FSIZE": self.file * MB,
            "NOFILE": 64,
            "CORE": 0,
        }


LIMITS = Limits()


class Worker:
    """A worker behind a wall of the given level, a context manager; `lost` says why it is gone."""

    def __init__(self, level, limits):
        self.limits, self.lost, self.status = limits, "", None
        self.process, self.requests, self.responses = None, None, None
        self.lifeline = None
        try:
            self.start(level) if POSIX else self.start_plainly()
        except BaseException:
            self.close()
            raise

    def start(self, level):
        """Through the jail, which says on a pipe of its own what wall it has built."""
        asks, self.requests = os.pipe()
        self.responses, answers = os.pipe()
        lifeline, self.lifeline = os.pipe()
        self.status, status = os.pipe()
        plan = {"level": level, "numpy": HOME, "worker": str(HERE / "worker.py"),
                "limits": self.limits.system(), "lifeline": lifeline, "status": status}  # fmt: skip
        command = [sys.executable, "-I", "-S", "-B", str(HERE / "jail.py"), json.dumps(plan)]
        try:
            self.process = subprocess.Popen(
                command, stdin=asks, stdout=answers, stderr=subprocess.DEVNULL, cwd="/", env={},
                pass_fds=(lifeline, status), start_new_session=True,
            )  # fmt: skip
        finally:
            for end in (asks, answers, lifeline, status):
                os.close(end)
        os.set_blocking(self.requests, False)
        self.confirm(level)

    def start_plainly(self):
        """Where there is no fork: a process with an empty environment and a deadline."""
        keep = {k: os.environ[k] for k in ("SYSTEMROOT",) if k in os.environ}
        command = [sys.executable, "-I", "-S", "-B", str(HERE / "worker.py"), HOME]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=keep | {"OPENBLAS_NUM_THREADS": "1"}, bufsize=0,
        )  # fmt: skip
        self.requests = os.dup(self.process.stdin.fileno())
        self.responses = os.dup(self.process.stdout.fileno())
        self.process.stdin.close()
        self.process.stdout.close()

    def confirm(self, level):
        """Reads what the jail has built; anything below the level asked for is refused."""
        facts = {}
        with contextlib.suppress(Lost, ValueError):
            facts = json.loads(self.line(time.monotonic() + self.limits.load))
        if facts.get("level") != level:
            raise Refused(facts.get("error", "the wall could not be built"))

    def line(self, deadline):
        text = b""
        while not text.endswith(b"\n"):
            text += self.some(self.status, 4096, deadline)
        return text

    def load(self, source):
        """(status, values) of loading a module's text."""
        text = np.frombuffer(source, np.uint8)
        return self.ask(frames.LOAD, "", [text], self.limits.load)

    def ask(self, operation, name, values, seconds=None):
        """(status, values) of one request; raises Lost if the worker does not answer it."""
        if self.lost:
            raise Lost(self.lost)
        seconds = self.limits.call if seconds is None else seconds
        try:
            with self.alarm(seconds):
                return self.exchange(operation, name, values, time.monotonic() + seconds)
        except TimeoutError:
            self.lost = f"no answer within {seconds:g} s"
        except (Lost, OSError):
            self.lost = "the process ended itself, or ran into a limit on memory, time or files"
        except frames.Garbled as error:
            self.lost = f"it sent what is no answer ({error})"
        self.close()
        raise Lost(self.lost)

    @contextlib.contextmanager
    def alarm(self, seconds):
        """Where pipes cannot be waited for, ends the worker when the time is over."""
        if POSIX:
            yield
            return
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        try:
            yield
        except (Lost, OSError):
            if timer.finished.is_set():
                raise TimeoutError from None
            raise
        finally:
            timer.cancel()

    def exchange(self, operation, name, values, deadline):
        nonce = secrets.token_bytes(16)
        self.send(frames.request(nonce, operation, name, values), deadline)
        (length,) = struct.unpack("<I", self.receive(4, deadline))
        if length > frames.MAX_BYTES:
            raise frames.Garbled(f"{length} bytes")
        return frames.response(self.receive(length, deadline), nonce)

    def send(self, data, deadline):
        view = memoryview(data)
        while view:
            if POSIX:
                self.wait([], [self.requests], deadline)
            with contextlib.suppress(BlockingIOError):
                view = view[os.write(self.requests, view[:65536]) :]

    def receive(self, count, deadline):
        parts = []
        while count:
            parts.append(self.some(self.responses, count, deadline))
            count -= len(parts[-1])
        return b"".join(parts)

    def some(self, descriptor, count, deadline):
        """At least one byte, at most `count`."""
        if POSIX:
            self.wait([descriptor], [], deadline)
        part = os.read(descriptor, min(count, 1 << 16))
        if not part:
            raise Lost("the pipe is closed")
        return part

    def wait(self, readers, writers, deadline):
        left = deadline - time.monotonic()
        if left <= 0 or not any(select.select(readers, writers, [], left)):
            raise TimeoutError

    def close(self):
        """Ends the worker and everything it started."""
        for name in ("lifeline", "requests", "responses", "status"):
            descriptor = getattr(self, name)
            if descriptor is not None:
                os.close(descriptor)
                setattr(self, name, None)
        if self.process is None:
            return
        if not POSIX:
            self.process.kill()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.lost = self.lost or "closed"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
