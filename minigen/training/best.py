"""The best parameters of a run, by their losses on validation data."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core.blocks import in_blocks
from minigen.core.contract import Loss
from minigen.training import batches
from minigen.training.nonfinite import NotFinite, explain
from minigen.training.ranks import Ranks

HELD_OUT = 2048  # samples on which a sampler without validation data is validated
MOST = 8192  # rows that are validated; of more, so many are drawn


class Best:
    """The best parameters so far on one fixed draw of the validation data.

    The start is a candidate too, and is given up only for what is better beyond chance. Patience
    is another matter: training goes on as long as the loss falls, by however little.
    """

    kept = ("value", "start", "since")

    def __init__(
        self, loss: Loss, fixed: Any, average: Any, run: Any, patience: int | None, every: int,
        last: int, ranks: Ranks,
    ) -> None:  # fmt: skip
        self.ranks, self.last = ranks, last
        self.loss, self.fixed, self.average, self.run = loss, fixed, average, run
        self.patience, self.every, self.since = patience, every, 0
        self.value: NDArray | None = None
        self.start: Any = None  # the losses at the start

    def due(self, step: int) -> bool:
        """Whether a step is to be validated, and was not yet."""
        done = self.run.history.get("validation_step", [-1])[-1]
        chosen = step % self.every == 0 or step == self.last or is_early(step, self.every)
        return self.fixed is not None and chosen and done < step

    def update(self, step: int) -> None:
        """Validate, if it is time, and keep the parameters if they are better than all before."""
        if not self.due(step):
            return
        losses = self.validation(step)
        loss = float(losses.mean())
        falls = loss < min(self.run.history.get("validation", []), default=np.inf)
        self.since = 0 if falls else self.since + (step % self.every == 0)
        self.run.record({"validation": loss, "validation_step": step})
        if step == 0:
            self.start = losses
        if step == 0 or (loss < self.run.best and beyond_chance(self.start - losses)):
            self.run.best, self.run.best_step = loss, step
            self.value = self.average.value.copy()

    def validation(self, step: int) -> NDArray:
        """The losses of the rows at the averaged parameters, or the one of them all, (1,)."""
        inputs, given = self.fixed
        theta, live = self.average.theta, self.average.theta.copy()
        theta[...] = self.average.value
        try:
            losses = self.ranks.first(self.losses(inputs, given))
            if not np.isfinite(losses).all():
                reason = explain(self.loss, inputs, given)
                raise NotFinite(f"validation loss {losses.mean()} at step {step}: {reason}")
        finally:
            theta[...] = live
        return losses.astype(np.float64)

    def losses(self, inputs: tuple[NDArray, ...], given: dict[str, Any]) -> NDArray:
        """The losses of the rows, or the one of them all, (1,); a block of rows at a time."""
        arrays, n = [*inputs, *given.values()], len(inputs)

        def cut(part: Sequence[NDArray]) -> tuple[Sequence[NDArray], dict[str, NDArray]]:
            return part[:n], dict(zip(given, part[n:], strict=True))

        own: Any = self.loss.rows
        one = cut([a[:1] for a in arrays]) if set(given) <= {"weights"} else None
        if one is not None and own(*one[0], **one[1]) is not None:

            def each(*part: NDArray) -> tuple[NDArray]:
                rows, more = cut(part)
                return (own(*rows, **more),)

            of_rank = self.ranks.rows(rows := len(inputs[0]))
            return self.ranks.gathered(in_blocks(each, [a[of_rank] for a in arrays])[0], rows)
        if not self.loss.by_rows:
            return np.atleast_1d(self.loss.forward(*inputs, **given)[0])

        def run(*part: NDArray) -> tuple[NDArray]:
            rows, more = cut(part)
            return (np.full(len(rows[0]), self.loss.forward(*rows, **more)[0]),)

        return in_blocks(run, arrays)[0].mean(keepdims=True, dtype=np.float64)

    @property
    def out_of_patience(self) -> bool:
        return self.patience is not None and self.since >= self.patience

    def restore(self) -> None:
        """Put the best parameters into the model, or the averaged last ones."""
        self.average.theta[...] = self.average.value if self.value is None else self.value


def beyond_chance(gain: NDArray) -> bool:
    """Whether the mean of some gains is above 0 by more than their scatter explains.

    The limit is about the 99.5 % quantile of Student's t, in standard errors of the mean: a start
    is compared again and again, so that on few rows something would soon look better by chance.
    With a patience of ten there are about 15 comparisons: chance alone then gives up a start that
    nothing improves in at most 8 % of trainings. docs/quality.md has what was found on tables.
    """
    n = len(gain)
    limit = (2.6 + 6 / (n - 1)) * gain.std(ddof=1) / np.sqrt(n) if n > 1 else 0.0
    return bool(gain.mean() > limit)


def is_early(step: int, every: int) -> bool:
    """Whether a step before the first validation is a power of two: small data are learned soon."""
    return step < every and step & (step - 1) == 0


def held_out(loss: Loss, data: Any, validation: Any, rng: np.random.Generator) -> Any:
    """The inputs and the given of one fixed draw of the validation data, or None."""
    if validation is None and not batches.is_sampler("data", data):
        return None
    source = data if validation is None else validation
    if batches.is_sampler("validation", source):
        source = source.sample(HELD_OUT, rng=rng)
    name = "data" if validation is None else "validation"
    rows = batches.checked(source, name)
    with warnings.catch_warnings():
        if not batches.is_sampler("data", data):  # then they were looked at themselves
            warnings.simplefilter("ignore")
        loss.examine(rows, name)
    rows = batches.some(loss.prepared(rows), MOST, rng)
    return loss.draw(batches.cast(rows, loss.data_dtype), rng)
