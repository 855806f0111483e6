"""The training loop."""

import itertools
from dataclasses import dataclass, field
from functools import reduce
from operator import getitem

import numpy as np

from minigen.core import tree, validate
from minigen.training import batches
from minigen.training.blame import NotFinite, blame
from minigen.training.optimizers import SCHEDULES, SGD, Adam
from minigen.training.progress import bar

LARGE = 30_000  # numbers in an array from which on it is better not copied


@dataclass
class Run:
    """What happened in training: `history` by name, and the best validation loss.

    history["loss"], ["lr"], ["grad_norm"] have one entry a step; ["validation"] one for each
    step listed in ["validation_step"]; a loss may add metrics of its own.
    """

    steps: int = 0
    history: dict = field(default_factory=dict)
    best: float = np.inf
    best_step: int = 0

    def record(self, **values):
        """Append one entry to each named column of the history."""
        for name, value in values.items():
            self.history.setdefault(name, []).append(float(value))

    def __repr__(self):
        best = f", best validation {self.best:.4f} at step {self.best_step}"
        return f"Run({self.steps} steps{best if self.best < np.inf else ''})"


def fit(
    loss, data, *, rng, steps=2000, batch=256, lr=1e-3, optimizer=None, schedule="cosine",
    weight_decay=0.0, clip=None, ema=None, validation=None, validate_every=None, patience=None,
    progress=None,
):  # fmt: skip
    """Minimise a loss over its parameters, in place, and return the `Run`.

    Parameters
    ----------
    loss : Loss, or anything with one as `.loss` or `.nll`
    data : (N, ...) array, a tuple of such arrays, or a sampler: `.sample(n, rng=)` gives batches
    optimizer : Adam or SGD; by default Adam(lr, weight_decay=weight_decay)
    schedule : "constant", "cosine" or "linear" decay of the learning rate, or a function of
        progress in [0, 1]
    clip : the largest norm of the gradient; a longer one is scaled down to it
    ema : decay of an exponential moving average of the parameters; it is the average that is
        validated and kept
    validation : as data. Its noise is drawn once and kept, so that its losses can be compared.
        A sampler without one is validated on 2048 fixed samples. The parameters kept at the end
        are the best on it.
    validate_every : steps between validations, by default a twentieth of all steps
    patience : stop after so many validations without improvement
    progress : a progress bar; by default where a person is watching

    Raises
    ------
    FloatingPointError
        When a loss, in training or validation, or a gradient is not finite; names the layer. The
        parameters are then the best so far, as after an interrupt.
    """
    loss = next((getattr(loss, a) for a in ("nll", "loss") if hasattr(loss, a)), loss)
    validate.methods("loss", loss, "draw", "forward", "backward")
    validate.generator(rng)
    steps = validate.integer("steps", steps, 1)
    batch = validate.integer("batch", batch, 1)
    refuse_shared(loss)
    optimizer = optimizer or Adam(lr, weight_decay=weight_decay)
    trainer = Trainer(loss, validate.methods("optimizer", optimizer, "start", "step"), clip, ema)
    decay = factor_of(schedule)
    next_batch = batches.source(data, batch, trainer.dtype, rng)
    judge = Judge(trainer, held_out(trainer.twin, data, validation, trainer.dtype, rng), patience)
    every = optional("validate_every", validate_every) or max(1, steps // 20)
    with judge, bar(steps, progress) as shown:
        for step in range(1, steps + 1):
            trainer.step(next_batch(), decay((step - 1) / steps), rng)
            if step % every == 0 or step == steps:
                judge.validate(step)
            shown.update(trainer.run)
            if judge.out_of_patience:
                break
    return trainer.run


def optional(name, value):
    """None, or an integer from 1 on."""
    return None if value is None else validate.integer(name, value, 1)


def factor_of(schedule):
    """The factor of the learning rate as a function of progress; one's own is checked."""
    if not callable(schedule):
        return SCHEDULES[validate.choice("schedule", schedule, SCHEDULES)]
    return lambda part: validate.number(f"schedule({part:g})", schedule(part), 0)


class Trainer:
    """One flat vector of parameters, a twin of the loss that views it, and one step of descent."""

    def __init__(self, loss, optimizer, clip, ema):
        self.loss, self.optimizer, self.run = loss, optimizer, Run()
        self.clip = None if clip is None else validate.number("clip", clip, 0)
        self.ema = None if ema is None else validate.number("ema", ema, 0, 1)
        self.theta, self.twin = tree.pack(loss)
        self.dtype = self.theta.dtype
        leaves = tree.flatten(loss.params)
        self.paths = [path.split(".") for path in leaves]
        self.runs = runs([a.size for a in leaves.values()])
        self.pieces = type(optimizer).step in (Adam.step, SGD.step)  # others get one vector
        self.average = None if ema is None else self.theta.copy()
        optimizer.start(self.theta)

    def step(self, batch, factor, rng):
        inputs, given = self.twin.draw(batch, rng)  # the twin: what is drawn may need parameters
        value, cache = self.twin.forward(*inputs, **given)
        grads = self.twin.backward_params(self.dtype.type(1), cache)
        g = self.collect(grads)
        norm = np.sqrt(sum(part @ part for part in g))
        if not np.isfinite(value) or not np.isfinite(norm):
            reason = blame(self.twin, inputs, given)
            raise NotFinite(f"loss {value} at step {self.run.steps + 1}: {reason}")
        if self.clip is not None and norm > self.clip:
            g = [part * (self.clip / norm) for part in g]
        self.optimizer.step(self.theta, g if self.pieces else joined(g, self.dtype), factor)
        self.run.steps += 1
        self.update_average()
        lr = self.optimizer.lr * factor
        self.run.record(loss=value, lr=lr, grad_norm=norm, **self.twin.metrics(cache))

    def collect(self, grads):
        """The tree of gradients as vectors that follow one another in the order of theta."""
        if self.run.steps == 0:
            list(tree.pairs(self.twin.params, grads))  # refuses other paths or shapes
        leaves = [reduce(getitem, path, grads) for path in self.paths]
        return [joined(leaves[a:b], self.dtype) for a, b in self.runs]

    def update_average(self):
        if self.average is not None:
            decay = min(self.ema, (1 + self.run.steps) / (10 + self.run.steps))
            self.average += self.dtype.type(1 - decay) * (self.theta - self.average)

    @property
    def kept(self):
        """The parameters to validate and keep: the average where there is one."""
        return self.theta if self.average is None else self.average


def runs(sizes):
    """Ranges a, b of arrays with these sizes: a large one alone, small neighbours together."""
    large = [size >= LARGE for size in sizes]
    ends = {0, len(sizes)} | {k + side for k, alone in enumerate(large) if alone for side in (0, 1)}
    return list(itertools.pairwise(sorted(ends)))


def joined(leaves, dtype):
    """Arrays as one vector; one alone is not copied."""
    if len(leaves) == 1:
        return np.asarray(leaves[0], dtype).ravel()
    return np.concatenate(leaves, axis=None, dtype=dtype, casting="same_kind")


class Judge:
    """Validates on one fixed draw, remembers the best parameters, and leaves them in the loss."""

    def __init__(self, trainer, fixed, patience):
        self.trainer, self.fixed = trainer, fixed
        self.patience = optional("patience", patience)
        self.best, self.since = None, 0

    def validate(self, step):
        if self.fixed is None:
            return
        t, (inputs, given) = self.trainer, self.fixed
        live = t.theta.copy()
        t.theta[...] = t.kept
        value = float(t.twin.forward(*inputs, **given)[0])
        if not np.isfinite(value):
            reason = blame(t.twin, inputs, given)
            raise NotFinite(f"validation loss {value} at step {step}: {reason}")
        t.theta[...] = live
        t.run.record(validation=value, validation_step=step)
        self.since += 1
        if value < t.run.best:
            t.run.best, t.run.best_step = value, step
            self.best, self.since = t.kept.copy(), 0

    @property
    def out_of_patience(self):
        return self.patience is not None and self.since >= self.patience

    def __enter__(self):
        return self

    def __exit__(self, *error):
        """Whatever happened, the loss's own arrays get the best parameters, or the last."""
        t = self.trainer
        final = t.kept if self.best is None else self.best
        own = tree.flatten(t.loss.params)
        for path, view in tree.views(final, own).items():
            own[path][...] = view


def held_out(loss, data, validation, dtype, rng):
    """The inputs and the given of one fixed draw of the validation data, or None."""
    if validation is None and not hasattr(data, "sample"):
        return None
    if validation is None:
        validation = data.sample(2048, rng=rng)
    elif hasattr(validation, "sample"):
        validation = validation.sample(2048, rng=rng)
    return loss.draw(batches.cast(batches.checked(validation, "validation"), dtype), rng)


def refuse_shared(loss):
    """An array that stands at two places would be updated twice: refuse it by name."""
    twice = tree.shared(loss)
    if twice:
        raise ValueError(
            f"loss: expected each parameter array at one place, got {twice[0][0]} and "
            f"{twice[0][1]} sharing memory; copy one of them, or run the shared network once"
        )
