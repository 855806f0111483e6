"""The parent's side of the wall: starts a worker, sends it requests, and ends it."""

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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from minigen.core.signature import Count, Positive, fields
from minigen.core.validate import InvalidValue
from minigen.homework.wall import frames
from minigen.homework.wall.allowance import TICK, Allowance

HERE = pathlib.Path(__file__).parent
HOME = str(pathlib.Path(np.__file__).parent.parent)
POSIX = os.name == "posix"
PROCESSES = sys.platform not in ("emscripten", "wasi")  # none in a browser
MB = 1 << 20


class Lost(Exception):
    """The worker is gone: it timed out, ended itself, or sent something malformed."""


class Refused(InvalidValue):
    """A wall of the requested level cannot be built on this machine."""


@dataclass(frozen=True)
class Limits:
    """What a student's process may use.

    Parameters
    ----------
    call, load, total : float
        Seconds of a processor for one call, for loading the file, and for all of a submission;
        on a system that does not tell them, or while the file sleeps, seconds of the clock.
    memory, file : int
        Megabytes of memory, and of a file that it writes.

    Examples
    --------
    >>> mg.homework.Limits(call=2.0).memory
    512
    """

    call: Positive = 3.0
    load: Positive = 3.0
    total: Positive = 15.0
    memory: Count = 512
    file: Count = 8
    __post_init__ = fields

    def system(self) -> dict[str, int]:
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

    process: subprocess.Popen

    def __init__(self, level: int, limits: Limits) -> None:
        self.limits, self.lost, self.charged = limits, "", 0.0
        self.pipes: dict[str, int] = {}
        self.pid: int | None = None
        try:
            self.start(level) if POSIX else self.start_plainly()
        except BaseException:
            self.close()
            raise

    def start(self, level: int) -> None:
        """Through the jail, which reports on a pipe of its own which wall it has built."""
        asks, self.pipes["requests"] = os.pipe()
        self.pipes["responses"], answers = os.pipe()
        lifeline, self.pipes["lifeline"] = os.pipe()
        self.pipes["status"], status = os.pipe()
        plan = {"level": level, "numpy": HOME, "inside": str(HERE / "inside"),
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
        os.set_blocking(self.pipes["requests"], False)
        self.confirm(level)

    def start_plainly(self) -> None:
        """Where there is no fork: a process with an empty environment and a deadline."""
        keep = {k: os.environ[k] for k in ("SYSTEMROOT",) if k in os.environ}
        command = [sys.executable, "-I", "-S", "-B", str(HERE / "inside" / "worker.py"), HOME]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=keep | {"OPENBLAS_NUM_THREADS": "1"}, bufsize=0,
        )  # fmt: skip
        for name, pipe in (("requests", self.process.stdin), ("responses", self.process.stdout)):
            assert pipe is not None
            self.pipes[name] = os.dup(pipe.fileno())
            pipe.close()

    def confirm(self, level: int) -> None:
        """Reads what the jail has built; any other level than the requested one is refused."""
        facts, text = {}, b""
        with contextlib.suppress(Lost, TimeoutError, ValueError):
            while not facts.keys() >= {"pid", "level"}:
                text += self.some(self.pipes["status"], 4096, Allowance(None, 30.0))
                for line in text.splitlines() if text.endswith(b"\n") else ():
                    facts |= json.loads(line)
        if facts.get("level") != level:
            raise Refused(facts.get("error", "the wall could not be built"))
        self.pid = facts["pid"]

    def open(self, upload: bytes, kind: str, wanted: str) -> tuple[int, list]:
        """(status, values) of looking into an upload, before any student code is loaded."""
        data = np.frombuffer(upload, np.uint8)
        return self.ask(frames.OPEN, f"{kind} {wanted}", [data], self.limits.load)

    def load(self, source: bytes) -> tuple[int, list]:
        """(status, values) of loading a module's text."""
        text = np.frombuffer(source, np.uint8)
        return self.ask(frames.LOAD, "", [text], self.limits.load)

    def ask(self, operation: int, name: str, values: Sequence,
            seconds: float | None = None) -> tuple[int, list]:  # fmt: skip
        """(status, values) of one request; raises Lost if the worker does not respond."""
        if self.lost:
            raise Lost(self.lost)
        seconds = self.limits.call if seconds is None else seconds
        allowance = Allowance(self.pid, seconds)
        try:
            with self.alarm(seconds):
                return self.exchange(operation, name, values, allowance)
        except TimeoutError:
            self.lost = f"no answer within {seconds:g} s"
        except (Lost, OSError):
            self.lost = "the process ended itself, or ran into a limit on memory, time or files"
        except frames.Garbled as error:
            self.lost = f"the process sent something malformed ({error})"
        finally:
            self.charged += allowance.charged
        self.close()
        raise Lost(self.lost)

    @contextlib.contextmanager
    def alarm(self, seconds: float) -> Iterator[None]:
        """Ends the worker when the time is over, where one cannot wait for pipes."""
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

    def exchange(self, operation: int, name: str, values: Sequence,
                 time: Allowance) -> tuple[int, list]:  # fmt: skip
        """Sends a request, reads the response."""
        nonce = secrets.token_bytes(16)
        self.send(frames.request(nonce, operation, name, values), time)
        (length,) = struct.unpack("<I", self.receive(4, time))
        if length > frames.MAX_BYTES:
            raise frames.Garbled(f"{length} bytes")
        return frames.response(self.receive(length, time), nonce)

    def send(self, data: bytes, time: Allowance) -> None:
        """Writes all bytes."""
        view = memoryview(data)
        while view:
            if POSIX:
                self.wait([], [self.pipes["requests"]], time)
            with contextlib.suppress(BlockingIOError):
                view = view[os.write(self.pipes["requests"], view[:65536]) :]

    def receive(self, count: int, time: Allowance) -> bytes:
        """Exactly `count` bytes."""
        parts = []
        while count:
            parts.append(self.some(self.pipes["responses"], count, time))
            count -= len(parts[-1])
        return b"".join(parts)

    def some(self, descriptor: int, count: int, time: Allowance) -> bytes:
        """At least one byte, at most `count`."""
        if POSIX:
            self.wait([descriptor], [], time)
        part = os.read(descriptor, min(count, 1 << 16))
        if not part:
            raise Lost("the pipe is closed")
        return part

    def wait(self, readers: list[int], writers: list[int], time: Allowance) -> None:
        """Until one of the pipes is ready."""
        while not any(select.select(readers, writers, [], TICK)):
            time.waited()

    def close(self) -> None:
        """Ends the worker and everything it started."""
        for name in ("lifeline", "requests", "responses", "status"):
            if name in self.pipes:
                os.close(self.pipes.pop(name))
        if not hasattr(self, "process"):
            return
        if not POSIX:
            self.process.kill()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.lost = self.lost or "closed"

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
