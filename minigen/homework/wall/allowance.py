"""The time a worker may take for an answer: its own, not that of a loaded machine."""

import time

TICK = 0.1
PATIENCE = 30  # times the seconds, on the clock, whatever the worker was doing


class Allowance:
    """Seconds for one answer, charged while the parent waits.

    A worker that computes, or waits for a processor, is charged the processor's time; one that
    sleeps is charged the clock's. Where the system does not tell, everything is the clock's.
    """

    def __init__(self, pid: int | None, seconds: float) -> None:
        self.stat, self.seconds, self.charged = f"/proc/{pid}/stat", seconds, 0.0
        self.used, self.end = self.processor()[0], time.monotonic() + PATIENCE * seconds

    def processor(self) -> tuple[float, bool]:
        """(seconds on a processor so far, whether it sleeps)."""
        try:
            with open(self.stat, encoding="ascii", errors="replace") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            return 0.0, True
        return (int(fields[11]) + int(fields[12])) / 100, fields[0] not in "RD"

    def waited(self) -> None:
        """Charges a tick in which no answer came; TimeoutError when all is used up."""
        used, sleeps = self.processor()
        self.charged += max(used - self.used, TICK if sleeps else 0.0)
        self.used = used
        if self.charged > self.seconds or time.monotonic() > self.end:
            raise TimeoutError
