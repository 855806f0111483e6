"""The training loop."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from minigen.core import html, parallel, tree, validate
from minigen.core.contract import Loss
from minigen.core.interrupts import held
from minigen.core.signature import Count, checked
from minigen.training import batches
from minigen.training.best import Best, held_out
from minigen.training.nonfinite import NotFinite, explain
from minigen.training.optimizers import SCHEDULES, Adam
from minigen.training.progress import bar
from minigen.training.ranks import Ranks
from minigen.training.saves import Saves, digest
from minigen.training.state import State


@dataclass
class Run:
    """What happened in training: `history` by name, and the best validation loss.

    history["loss"], ["lr"], ["grad_norm"] have one entry a step; ["validation"] one for each
    step listed in ["validation_step"]; a loss may add metrics of its own.
    """

    steps: int = 0
    history: dict[str, list[float]] = field(default_factory=dict)
    best: float = np.inf
    best_step: int = 0

    kept: ClassVar = ("steps", "history", "best", "best_step")

    def record(self, values: dict[str, float]) -> None:
        """Append one entry to each named column of the history.

        Parameters
        ----------
        values : {name: number}

        Examples
        --------
        >>> run = mg.training.Run()
        >>> run.record({"loss": 1.5})
        >>> run.history
        {'loss': [1.5]}
        """
        for name, value in values.items():
            self.history.setdefault(name, []).append(float(value))

    def __repr__(self) -> str:
        return f"Run({self._said})"

    @property
    def _said(self) -> str:
        """The last losses and the best validation, in words."""
        losses = self.history.get("loss", [])[-max(1, self.steps // 100) :]
        said = [f"{self.steps} steps"] + ([f"loss {np.mean(losses):.4f}"] if losses else [])
        if self.best < np.inf:
            said.append(f"best validation {self.best:.4f} at step {self.best_step}")
        return ", ".join(said)

    def _repr_html_(self) -> str:
        """Its curve, for a notebook: the loss, and the validation in orange."""
        loss, at = self.history.get("loss", []), self.history.get("validation_step", [])
        lines = [
            (range(1, len(loss) + 1), loss, html.BLUE),
            (at, self.history.get("validation", []), html.ORANGE),
        ]
        key = " (blue: loss, orange: validation)" if at else ""
        return html.box(f"<b>Run</b> {self._said}{html.quiet(key)}{html.curve(lines, self._said)}")


@checked
def fit(
    loss: Any, data: Any, *, rng: np.random.Generator, steps: Count = 2000, batch: Count = 256,
    lr: float | None = None, optimizer: Any = None,
    schedule: str | Callable[[float], float] = "cosine", weight_decay: float | None = None,
    clip: float | None = None, ema: float | None = None, validation: Any = None,
    validate_every: int | None = None, patience: int | None = None,
    callback: Callable[[int, Run], Any] | None = None, progress: bool | None = None,
    checkpoint: str | os.PathLike[str] | None = None, checkpoint_every: int | None = None,
    keep: int | None = None, threads: Count | None = None, comm: Any = None,
) -> Run:  # fmt: skip
    """Minimise a loss over its parameters, in place, and return the `Run`.

    The model's arrays are moved into one vector and are views of it from the first step on, so
    the model can be watched while it learns. At the end they hold the best parameters on the
    validation data, or the last where there are none; also after an error or an interrupt.

    Parameters
    ----------
    loss : Loss, or anything with one as `.loss` or `.nll`
    data : (N, ...) array, a tuple of such arrays, or a sampler: `.sample(n, rng=)` gives batches
    rng : the generator of batches and noise
    steps, batch : how many steps, and rows in each
    lr : the learning rate of the default optimizer, by default 1e-3
    optimizer : Adam or SGD, or an object with `start`, `step` and `lr`; by default
        Adam(lr, weight_decay=weight_decay)
    schedule : "constant", "cosine" or "linear" decay of the learning rate, or a function of
        progress in [0, 1]
    weight_decay : of the default optimizer, by default 0
    clip : the largest norm of the gradient; a longer one is scaled down to it. Without it, a norm
        whose square is beyond the type of the parameters is an error
    ema : decay of an exponential moving average of the parameters; it is the average that is
        validated and kept
    validation : as data. Its noise is drawn once and kept, so that its losses can be compared.
        A sampler without one is validated on 2048 fixed samples
    validate_every : steps between validations, by default a twentieth of all steps; the start,
        and at first steps 1, 2, 4, ... are validated too
    patience : stop after so many validations without improvement, at intervals of validate_every
    callback : a function (step, run) that is called after each step; training stops when it
        returns True
    progress : a progress bar; by default where a person is watching
    checkpoint : a folder. The run is written there every so often and at its end, whatever ends
        it. The same call goes on where the newest file stands, to the same bytes as a run that was
        never stopped: parameters, optimizer, `rng`, order of the data and history are put back.
        Other data, another model or other settings are refused. `mg.load` reads the best
        parameters from each file
    checkpoint_every : steps between the files; by default about half a minute
    keep : how many files of the run are kept, by default 2
    threads : of each matrix product, for the whole process while `fit` runs. By default one,
        except for products of more than 2^29 multiplications, which use all that NumPy's library
        has (`minigen.core.parallel` says why). The same seed gives the same bytes on one machine
        with one number of threads
    comm : mpi4py's `MPI.COMM_WORLD`, or an object with its Get_rank, Get_size, Iallreduce and
        Abort: the ranks share the rows of each batch. All make the same call, with the same data,
        model and seed; rank 0 shows progress and writes the checkpoints

    Returns
    -------
    Run

    Raises
    ------
    FloatingPointError
        When a loss, in training or validation, or a gradient is not finite; names the layer
    KeyboardInterrupt, SystemExit
        After the step in which Ctrl-C, or SIGTERM or SIGHUP, came; a second Ctrl-C does not wait
    ConnectionError
        When another rank cannot be reached. The last whole step is written to the checkpoint

    Examples
    --------
    >>> flow = mg.flows.real_nvp(2, layers=2, hidden=(16,), rng=rng)
    >>> run = mg.fit(flow.nll, mg.data.toy("moons"), steps=20, rng=rng)
    >>> run.steps, len(run.history["loss"])
    (20, 20)
    """
    model, loss = loss, next((getattr(loss, a) for a in ("nll", "loss") if hasattr(loss, a)), loss)
    validate.methods("loss", loss, "draw", "forward", "backward")
    if not isinstance(loss, Loss):
        raise validate.wrong_type("loss", "a Loss, or a model with one", validate.shown(loss))
    validate.generator(rng)
    steps = validate.integer("steps", steps, 1)
    every = validate.optional_integer("validate_every", validate_every, 1) or max(1, steps // 20)
    optimizer = chosen(optimizer, {"lr": lr, "weight_decay": weight_decay})
    if not (callback is None or callable(callback)):
        raise validate.wrong_type("callback", "a function (step, run)", repr(callback))
    ranks = Ranks(comm)
    ranks.agree(lambda: {"data": digest(data), "rng": str(rng.bit_generator.state)})
    saves = Saves(checkpoint, checkpoint_every, keep, ranks.rank == 0)
    saves.begin(rng)
    run, decay = Run(), factor_of(schedule)
    descent = Descent(loss, optimizer, clip, ranks)
    next_batch = batches.source(data, validate.integer("batch", batch, 1), loss, rng)
    average = Average(descent.theta, ema)
    fixed = held_out(loss, data, validation, rng)
    patience = validate.optional_integer("patience", patience, 1)
    if fixed is None and (patience or validate_every):
        name = "patience" if patience else "validate_every"
        raise validate.expected(name, "None without validation data", patience or validate_every)
    best = Best(loss, fixed, average, run, patience, every, steps, ranks)
    state = State(rng, run=run, descent=descent, optimizer=optimizer, average=average, best=best,
                  batches=next_batch)  # fmt: skip
    saves.go_on(model, state, data, fixed, {
        "steps": steps, "batch": batch, "schedule": schedule, "clip": clip, "ema": ema,
        "validate_every": every, "patience": patience,
    })  # fmt: skip
    ranks.agree(lambda: {"loss": digest(descent.theta), "validation": digest(fixed),
                         "checkpoint": str(run.steps), "steps": str(steps)})  # fmt: skip
    limit = parallel.by_size(descent.largest * batch, threads or (None if ranks.alone else 1))
    with held(), limit, saves.alone():  # until the best parameters are in place, and written
        try:
            watched = progress if ranks.rank == 0 else False
            with held(impatient=True) as signals, bar(steps, watched, run.steps) as shown:
                ranks.signals = signals
                best.update(run.steps)  # the start, or what a lost rank left out
                while run.steps < steps and not best.out_of_patience:
                    step = run.steps + 1
                    ranks.mark(state)
                    run.record(descent.step(next_batch(), rng, decay((step - 1) / steps)))
                    average.update(step)
                    best.update(step)
                    run.steps = step
                    shown.update(run)
                    if callback is not None and ranks.any(callback(step, run)):
                        break
                    saves.update()
                    ranks.stop(signals)
        except BaseException as error:
            saves.end(error, ranks.undo(state))
            ranks.failed(error)
            raise
        else:
            saves.end()
        finally:
            best.restore()
    return run


class Descent:
    """A loss, the one vector of its parameters, and a step of gradient descent on it."""

    kept = ("steps", "theta")

    def __init__(
        self, loss: Loss, optimizer: Any, clip: float | None = None, ranks: Ranks | None = None
    ) -> None:
        refuse_unfit(loss)
        self.ranks = ranks or Ranks()
        self.loss = loss
        self.optimizer = validate.methods("optimizer", optimizer, "start", "step")
        self.clip = None if clip is None else validate.number("clip", clip, 0, np.inf, True)
        self.theta = tree.to_vector(loss)
        self.dtype, self.g = self.theta.dtype, np.empty_like(self.theta)
        self.largest = max(a.size for a in tree.flatten(loss.params).values())
        self.paths: list[list[str]] = []
        self.steps = 0
        optimizer.start(self.theta)

    def step(self, batch: Any, rng: np.random.Generator, factor: float = 1.0) -> dict[str, Any]:
        """One step on a batch, at the learning rate lr * factor; what the history records."""
        self.steps += 1
        inputs, given = self.loss.draw(batch, rng)
        own, known, share = self.ranks.share(inputs, given)
        value, cache = self.loss.forward(*own, **known)
        *_, grads = self.loss.backward(self.dtype.type(share), cache)
        tree.join(grads, self.paths or self.checked(grads), out=self.g)
        g, value, metrics = self.ranks.shared(self.g, value, self.loss.metrics(cache), share)
        if self.steps == 1:
            self.ranks.refuse_mixed(self.loss, inputs, given, value)
        with np.errstate(over="ignore", invalid="ignore"):
            norm, unit = np.sqrt(g @ g), self.dtype.type(1)
        if not np.isfinite(norm):  # or only its square is not
            unit = np.abs(g).max()
            norm = float(unit) * np.linalg.norm((g / unit).astype(np.float64))
        if not (np.isfinite(value) and np.isfinite(norm)):
            reason = explain(self.loss, inputs, given)
            raise NotFinite(f"loss {value} at step {self.steps}: {reason}")
        if self.clip is not None and norm > self.clip:
            g /= unit
            g *= self.clip / (norm / unit)
        elif unit != 1:
            raise NotFinite(
                f"loss {value} at step {self.steps}: the norm of the gradient, {norm:.3g}, is too "
                f"large for {self.dtype}; clip=1.0 would scale it down"
            )
        self.optimizer.step(self.theta, g, factor)
        lr = self.optimizer.lr * factor
        return {"loss": value, "lr": lr, "grad_norm": norm, **metrics}

    def checked(self, grads: dict[str, Any]) -> list[list[str]]:
        """The paths of the gradients, once they are known to be those of the parameters."""
        self.paths = [path.split(".") for path, _, _ in tree.pairs(self.loss.params, grads)]
        return self.paths


class Average:
    """The exponential moving average of the parameters, or they themselves without a decay."""

    def __init__(self, theta: NDArray, decay: float | None) -> None:
        self.theta = theta
        self.decay = None if decay is None else validate.number("ema", decay, 0, 1)
        self.value = theta if decay is None else theta.copy()
        self.kept = () if decay is None else ("value",)

    def update(self, step: int) -> None:
        if self.decay is not None:
            decay = min(self.decay, (1 + step) / (10 + step))
            self.value += self.theta.dtype.type(1 - decay) * (self.theta - self.value)


def chosen(optimizer: Any, options: dict[str, float | None]) -> Any:
    """The optimizer, or Adam with the options; they are refused beside another."""
    given = {name: value for name, value in options.items() if value is not None}
    if optimizer is None:
        return Adam(**given)
    for name, value in given.items():
        raise validate.expected(name, "none beside optimizer, which has its own", value)
    return optimizer


def factor_of(schedule: str | Callable[[float], float]) -> Callable[[float], float]:
    """The factor of the learning rate as a function of progress; a user's own is checked."""
    if not callable(schedule):
        return SCHEDULES[validate.choice("schedule", schedule, SCHEDULES)]
    return lambda part: validate.number(f"schedule({part:g})", schedule(part), 0)


def refuse_unfit(loss: Loss) -> None:
    """Refuse, by name, what cannot be one vector: one array at two places, arrays of two types."""
    types = {path: a.dtype for path, a in tree.flatten(loss.params).items()}
    if len(set(types.values())) > 1:
        kinds = {str(dtype): f"{dtype} at {path}" for path, dtype in types.items()}
        got = " and ".join(kinds.values())
        raise validate.expected("loss", "parameters of one type", f"{got}; use astype")
    twice = tree.shared(loss)
    if twice:
        raise validate.expected(
            "loss", "each parameter array at one place",
            f"{twice[0][0]} and {twice[0][1]} sharing memory; copy one of them, or run the shared "
            "network once",
        )  # fmt: skip
