"""A progress bar where a person is watching."""

import contextlib
from collections.abc import Iterator
from typing import Any

from minigen.core.blocks import progress_bar, watching


@contextlib.contextmanager
def bar(steps: int, wanted: bool | None, done: int = 0) -> Iterator["NoBar | TqdmBar"]:
    """Something with `update(run)`; a tqdm bar if `wanted`, or if None and a person is watching."""
    if not (watching() if wanted is None else wanted):
        yield NoBar()
        return
    with progress_bar(steps, "step", done) as shown:
        yield TqdmBar(shown)


class NoBar:
    """No bar."""

    def update(self, run: Any) -> None:
        pass


class TqdmBar:
    """A tqdm bar that shows the loss, and the validation where there is one."""

    def __init__(self, shown: Any) -> None:
        self.shown = shown

    def update(self, run: Any) -> None:
        if run.steps % 20 == 0 or run.steps == self.shown.total:
            best = {"best": f"{run.best:.4f}"} if "validation" in run.history else {}
            self.shown.set_postfix(loss=f"{run.history['loss'][-1]:.4f}", **best, refresh=False)
        self.shown.update(1)
