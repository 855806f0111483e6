"""Several processes that train one model together, each on some rows of every batch.

The loss is a mean over N rows. Rank k of K has N_k of them, and its own mean l_k, so

    l = sum_k (N_k / N) l_k      and, since a derivative is linear,      g = sum_k (N_k / N) g_k

The factor N_k / N is the cotangent with which a rank begins its backward pass. One Allreduce of the
flat gradient makes the sum, and each rank takes the same step from it: the models stay the same
model. All draw the whole batch and its noise from equal generators, so K ranks walk the way of one
process, up to rounding.
"""

import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.contract import Loss
from minigen.core.interrupts import Signals
from minigen.training.nonfinite import NotFinite
from minigen.training.state import State

GRACE = 0.05  # seconds from a signal until a rank that is silent is given up: mpiexec kills soon
SPIN = 1e-3  # seconds in which a rank asks again at once
YIELD = getattr(os, "sched_yield", lambda: None)  # time.sleep(0) takes 60 microseconds


class Ranks:
    """This process among those that train together: number `rank` of `size`.

    `comm` is mpi4py's communicator, or has its Get_rank, Get_size, Iallreduce and Abort.
    """

    def __init__(self, comm: Any = None) -> None:
        self.comm, self.rank, self.size = comm, 0, 1
        if comm is not None:
            validate.methods("comm", comm, "Get_rank", "Get_size", "Iallreduce", "Abort")
            self.rank, self.size = comm.Get_rank(), comm.Get_size()
        self.signals = Signals()
        self.agreed = self.lost = False  # to end the run; that a rank does not answer
        self.marked: list[tuple[Any, str, Any]] = []

    @property
    def alone(self) -> bool:
        return self.size == 1

    def rows(self, n: int) -> slice:
        """This rank's rows of n."""
        return slice(self.rank * n // self.size, (self.rank + 1) * n // self.size)

    def share(
        self, inputs: Sequence[NDArray], given: Mapping[str, Any]
    ) -> tuple[tuple[NDArray, ...], dict[str, Any], float]:
        """This rank's rows of what `draw` gave, and which part of all rows they are."""
        if self.alone:
            return tuple(inputs), dict(given), 1.0
        sizes = [len(a) for a in (*inputs, *given.values()) if np.ndim(a)]
        n = max(sizes, default=0)
        if n < self.size:
            self.agreed = True
            raise validate.expected("batch", f"a row for each of {self.size} ranks", n)
        part = self.rows(n)
        own = [a[part] if np.ndim(a) and len(a) == n else a for a in (*inputs, *given.values())]
        rest = dict(zip(given, own[len(inputs) :], strict=True))
        return tuple(own[: len(inputs)]), rest, (part.stop - part.start) / n

    def sum(self, *arrays: NDArray) -> list[NDArray]:
        """The sums of some arrays over all ranks."""
        totals = [np.empty_like(a) for a in arrays]
        try:
            self.wait([self.comm.Iallreduce(*both) for both in zip(arrays, totals, strict=True)])
        except Exception as error:
            self.lost = True
            raise ConnectionError(f"a rank of the run cannot be reached: {error}") from error
        return totals

    def wait(self, requests: list[Any]) -> None:
        """Until all ranks have answered; after a signal no longer than GRACE."""
        begun, end = time.monotonic(), np.inf
        while requests:
            requests = [request for request in requests if not request.Test()]
            now = time.monotonic()
            if now - begun < SPIN:
                YIELD()
            else:
                time.sleep(SPIN / 10)
            if self.signals.noted:
                end = min(end, now + GRACE)
            if requests and now > end:
                self.lost = True
                try:
                    self.signals.stop()
                except BaseException as error:
                    error.add_note("another rank of the run does not answer; it may have died")
                    raise

    def shared(
        self, g: NDArray, value: Any, metrics: Mapping[str, float], share: float
    ) -> tuple[NDArray, Any, Mapping[str, float]]:
        """The gradient, the loss and the metrics of the whole batch; and whether a signal came."""
        if self.alone:
            return g, value, metrics
        own = [bool(self.signals.noted), share * value, *(share * m for m in metrics.values())]
        g, numbers = self.sum(g, np.array(own, np.float64))
        called, value, *rest = numbers.tolist()
        self.agreed, self.marked = called > 0, []
        return g, value, dict(zip(metrics, rest, strict=True))

    def mark(self, state: State) -> None:
        """Remember what a step draws from, so that a step that is lost can be undone."""
        if not self.alone:
            parts = state.parts["batches"], state.parts["descent"], state.rng.bit_generator
            names = [n for n in ("at", "before", "order") if hasattr(parts[0], n)]
            self.marked = [(parts[0], n, getattr(parts[0], n)) for n in names]
            self.marked += [
                (parts[1], "steps", parts[1].steps),
                (parts[2], "state", parts[2].state),
            ]

    def undo(self, state: State) -> bool:
        """Take back a step whose gradient another rank has lost; whether this rank writes the run.

        A step that lacks its validation alone counts: who goes on makes up for that.
        Rank 0 writes, and rank 1, since it may be rank 0 that has died: they write the same.
        """
        if self.lost:
            for part, name, value in self.marked:
                setattr(part, name, value)
            state.parts["run"].steps = state.parts["descent"].steps
        return self.lost and self.rank < 2

    def stop(self, signals: Signals) -> None:
        """Raise the signal that came to this rank or, with the last step, to another."""
        if self.agreed and not signals.noted:
            signals.note(signal.SIGINT, None)
        if self.agreed or self.alone:
            signals.stop()

    def any(self, wish: Any) -> bool:
        """Whether some rank has this wish."""
        return (
            bool(wish) if self.alone else bool(self.sum(np.array([bool(wish)], np.float64))[0][0])
        )

    def gathered(self, own: NDArray, n: int) -> NDArray:
        """The (n,) numbers of which each rank has those of its rows."""
        if self.alone:
            return own
        whole = np.zeros(n, own.dtype)
        whole[self.rows(n)] = own
        return self.sum(whole)[0]

    def first(self, a: NDArray) -> NDArray:
        """The array of rank 0."""
        return a if self.alone else self.sum(a if self.rank == 0 else np.zeros_like(a))[0]

    def agree(self, known: Callable[[], Mapping[str, str]]) -> None:
        """Refuse, by name, what is not the same on all ranks; of large things, their digests."""
        if self.alone:
            return
        values = known()
        table = np.zeros((self.size, len(values)))
        hashes = [hashlib.sha256(text.encode()).digest()[:6] for text in values.values()]
        table[self.rank] = [int.from_bytes(h, "big") for h in hashes]  # 48 bits are a whole float64
        (table,) = self.sum(table)
        for name, column in zip(values, table.T, strict=True):
            if (other := np.flatnonzero(column != column[0])).size:
                got = f"another on rank {other[0]} than on rank 0"
                raise validate.expected(name, "the same on all ranks", got)

    def refuse_mixed(
        self, loss: Loss, inputs: Sequence[NDArray], given: Mapping[str, Any], value: float
    ) -> None:
        """Refuse a loss that is not the mean of its parts, by its value at the first batch."""
        if self.alone:
            return
        whole = float(loss.forward(*inputs, **given)[0])
        if abs(whole - value) > np.sqrt(np.finfo(loss.dtype).eps) * max(1.0, abs(whole)):
            self.agreed = True
            what = "a loss whose rows do not see each other, with several ranks"
            got = f"{type(loss).__name__}: {whole:.8g} of the batch, {value:.8g} of its parts"
            raise validate.expected("loss", what, got)

    def failed(self, error: BaseException) -> None:
        """End the run on all ranks, if this one alone has failed."""
        if self.alone or self.agreed or self.lost or isinstance(error, NotFinite):
            return
        text = f"{type(error).__name__}: {error}"
        print(f"minigen: rank {self.rank} of {self.size} ended the run: {text}", file=sys.stderr)
        self.comm.Abort(1)
