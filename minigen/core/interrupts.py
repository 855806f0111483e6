"""Signals that ask a program to stop, held until the work at hand is whole.

Ctrl-C, SIGTERM and SIGHUP may come between any two lines. A training step or a file that is cut
there is lost, and code in C may turn the KeyboardInterrupt into some other error. So

    with held() as signals:
        ...             a signal is only noted
        signals.stop()  here it is raised

and at the end of the block. Ctrl-C is raised as KeyboardInterrupt, the others as Terminated.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Terminated(SystemExit):
    """Raised for SIGTERM and SIGHUP; the exit code is 128 + the signal's number."""

    code: int


class Signals:
    """The signals noted so far."""

    def __init__(self) -> None:
        self.noted: list[int] = []
        self.impatient = False

    def note(self, number: int, frame: Any) -> None:
        """The handler: an impatient block is left at the second Ctrl-C, whatever it is doing."""
        self.noted.append(number)
        if self.impatient and self.noted.count(signal.SIGINT) > 1:
            self.stop()

    def stop(self) -> None:
        """Raise the first signal noted, if there is one."""
        if self.noted:
            number = self.noted[0]
            self.noted.clear()
            raise KeyboardInterrupt if number == signal.SIGINT else Terminated(128 + number)


_signals = Signals()


@contextlib.contextmanager
def held(impatient: bool = False) -> Iterator[Signals]:
    """Hold the signals of this block; a block inside another one shares what was noted.

    Only what would end the program is held: a handler of the user's own, or a signal that is
    ignored, stays. Outside the main thread nothing is held, since Python runs no handler there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Signals()
        return
    own, before = _signals, _signals.impatient
    old = {s: signal.getsignal(s) for s in (signal.SIGINT, *ENDING)}
    held = [s for s, h in old.items() if h in (signal.default_int_handler, signal.SIG_DFL)]
    try:
        for s in held:
            signal.signal(s, own.note)
        own.impatient = impatient
        yield own
    finally:
        own.impatient = before
        if held:  # the outermost block
            for s in held:
                signal.signal(s, old[s])
            own.stop()
