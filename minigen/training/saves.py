"""The checkpoints of a run: a folder of files, each a model and all that its run needs to go on."""

import contextlib
import hashlib
import os
import pathlib
import re
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from minigen.core import files, tree, validate
from minigen.training import archive
from minigen.training.archive import CheckpointError
from minigen.training.checkpoint import STATE, save, save_state
from minigen.training.state import State, kept, plain, refuse_kind, set_state, settings

SECONDS = 30.0  # between two files, if the user names no steps
BEST = "model.npz"  # the best model so far, written when a run ends
STEP = re.compile(r"step-[0-9]{9,}\.npz")
KEPT = 2  # files of a run, if the user names no number
SHARE = 50  # and a file may cost one part in so many of the time


class Saves:
    """Writes the state of a run every so often, and finds it again; without a folder, nothing."""

    def __init__(
        self, folder: str | os.PathLike[str] | None, every: int | None = None,
        keep: int | None = None, writes: bool = True,
    ) -> None:  # fmt: skip
        self.every = validate.optional_integer("checkpoint_every", every, 1)
        self.keep = validate.optional_integer("keep", keep, 1) or KEPT
        self.writes = writes
        for name, value in (("checkpoint_every", every), ("keep", keep)):
            if folder is None and value is not None:
                raise validate.expected(name, "none without checkpoint", value)
        self.folder = None if folder is None else prepared(folder)
        self.found: dict[str, Any] | None = None
        self.done, self.last, self.cost = -1, time.monotonic(), 0.0

    def begin(self, rng: np.random.Generator) -> None:
        """Look for a run; `rng` is put where it stood at its start, to draw the same again."""
        if self.folder is not None:
            self.found = newest(self.folder)
            if self.found is None and (self.folder / BEST).exists():
                what = f"a folder without {BEST}, which the run would replace"
                raise validate.expected("checkpoint", what, self.folder)
            if self.found is not None:
                refuse_kind(rng, self.found["state"]["start"])
                with archive.named(self.found["path"]):
                    set_state(rng, self.found["state"]["start"])
            self.start = plain(rng.bit_generator.state)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """No other process writes its run to the folder as long as the block goes on."""
        if self.folder is None or not self.writes:
            yield
            return
        with files.alone(self.folder) as free:
            if not free:
                what = "a folder in which no other process writes its run"
                raise validate.expected("checkpoint", what, self.folder)
            yield

    def go_on(
        self, model: Any, state: State, data: Any, fixed: Any, options: Mapping[str, Any]
    ) -> None:
        """Put the state of the run back, if there is one, and it is one of the same things."""
        if self.folder is None:
            return
        self.model, self.state = model, state
        optimizer = state.parts["optimizer"]
        self.about = {
            "data": digest(data), "validation data": digest(fixed),
            "optimizer": f"{type(optimizer).__name__} {settings(optimizer, kept(optimizer))}",
            **{k: v if isinstance(v, int | float | str | None) else f"a function, {points(v)}"
               for k, v in options.items()},
        }  # fmt: skip
        state.values()  # refuses, before the first step, what cannot be written
        tree.describe(model)
        if self.found is not None:
            self.compare(self.found)
            with archive.named(self.found["path"]):
                state.put(self.found["state"])
                self.refuse_unlike(fixed)
            self.done, self.found = state.parts["run"].steps, None

    def refuse_unlike(self, fixed: Any) -> None:
        """Refuse what was put back if its parts are not of one run."""
        run, descent, best = (self.state.parts[name] for name in ("run", "descent", "best"))
        counts = {name: len(column) for name, column in run.history.items()}
        checks = counts.pop("validation", 0), counts.pop("validation_step", 0)
        if not run.steps == descent.steps == counts.get("loss", 0) == max(counts.values()) > 0:
            raise archive.refused("run.steps", f"the losses kept, {counts}", run.steps)
        if checks[0] != checks[1] or (checks[0] > 0) != (fixed is not None):
            raise archive.refused("run.history", "a step for each validation", checks)
        rows = () if fixed is None else (*fixed[0], *fixed[1].values())
        n = len(rows[0]) if rows else 0
        for name, shapes in (("value", [descent.theta.shape]), ("start", [(n,), (1,)])):
            got = np.shape(getattr(best, name))
            if got not in (shapes if checks[0] else [()]):
                raise archive.refused(f"best.{name}", f"the shape {shapes[0]}", got)

    def compare(self, found: Mapping[str, Any]) -> None:
        """Refuse, by name, to go on with something else than was begun."""
        there = f"that of the run in {self.folder}"
        place = difference(found["model"], tree.describe(self.model))
        for name, (f, array) in tree.arrays(self.model).items():
            now = archive.fingerprint(np.ascontiguousarray(array))
            about = found["arrays"].get(name, {})
            same = ["dtype", "shape"] if f.metadata.get("kind") == "param" else list(now)
            if place is None and any(about.get(key) != now[key] for key in same):
                place = name
        if place is not None:
            raise validate.expected("loss", there, f"another model, at {place}")
        for name, value in found["state"]["about"].items():
            now = self.about.get(name)
            if now != value and "data" in name:
                raise validate.expected(name, there, "other data")
            if now != value:
                raise validate.expected(name, f"{value}, {there}", now)

    def update(self) -> None:
        """Write the run, if it is time."""
        if self.folder is None or not self.writes:
            return
        if self.every is not None:
            due = self.state.parts["run"].steps % self.every == 0
        else:
            due = time.monotonic() - self.last > max(SECONDS, SHARE * self.cost)
        if due:
            self.write()

    def write(self) -> None:
        """Write the run, whole; where that fails, in another folder, and say so."""
        assert self.folder is not None
        begun = time.monotonic()
        steps = self.state.parts["run"].steps
        values = self.state.values() | {"start": self.start, "about": self.about}
        self.attempt(f"step-{steps:09d}.npz", values)
        self.done, self.last = steps, time.monotonic()
        self.cost = self.last - begun
        for old in steps_in(self.folder)[self.keep :]:
            old.unlink(missing_ok=True)

    def attempt(self, name: str, values: Mapping[str, Any] | None) -> None:
        """Write the best model, and the values beside it, here or in the temporary folder."""
        assert self.folder is not None
        descent, best = self.state.parts["descent"], self.state.parts["best"]
        live = descent.theta.copy()
        values = None if values is None else {**values, "descent.theta": live}
        best.restore()
        try:
            place = write_somewhere(self.folder / name, self.model, values)
            if place.parent != self.folder:
                self.folder = place.parent
        except OSError as error:
            warnings.warn(f"checkpoint: {error}", stacklevel=6)
        finally:
            descent.theta[...] = live

    def end(self, error: BaseException | None = None, writes: bool = False) -> None:
        """Write the run if it ended between two steps, and the best model; say how to go on."""
        if self.folder is None or not (self.writes or writes):
            return
        run, begun = self.state.parts["run"], self.state.parts["descent"].steps
        if run.steps == 0:
            return
        if begun == run.steps and self.done != run.steps:
            self.write()
        self.attempt(BEST, None)
        if error is not None:
            error.add_note(
                f"the best model so far is {self.folder / BEST}; the run can go on from "
                f"step {max(self.done, 0)}, with the same call and checkpoint={str(self.folder)!r}"
            )


def prepared(folder: str | os.PathLike[str]) -> pathlib.Path:
    """The folder, made if need be; refused before the first step if nothing can be written."""
    path = pathlib.Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise validate.expected("checkpoint", "a folder", f"{path} ({error.strerror})") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise validate.expected("checkpoint", "a folder that can be written", path)
    files.sweep(path)
    return path


def write_somewhere(
    path: pathlib.Path, model: Any, values: Mapping[str, Any] | None = None
) -> pathlib.Path:
    """Write a model, and the values of its run: to `path`, or else to the temporary folder.

    Returns where it is. A warning says so if it is elsewhere; if both fail an OSError names both.
    """
    try:
        _write(path, model, values)
        return path
    except OSError as error:
        first = f"{path}: {error.strerror or error}"
    try:
        other = pathlib.Path(tempfile.mkdtemp(prefix="minigen-")) / path.name
        _write(other, model, values)
    except OSError as error:
        with contextlib.suppress(OSError, UnboundLocalError):
            other.parent.rmdir()
        raise OSError(f"{first}; nor {error.filename}: {error.strerror}") from None
    warnings.warn(f"{first}; written to {other}", stacklevel=6)
    return other


def _write(path: pathlib.Path, model: Any, values: Mapping[str, Any] | None) -> None:
    if values is None:
        save(path, model)
    else:
        save_state(path, model, values)


def steps_in(folder: pathlib.Path) -> list[pathlib.Path]:
    """The files of a run, the newest first; others, whatever they are called, are left alone."""
    found = (path for path in folder.glob("step-*.npz") if STEP.fullmatch(path.name))
    return sorted(found, key=lambda path: int(path.stem[5:]), reverse=True)


def newest(folder: pathlib.Path) -> dict[str, Any] | None:
    """The manifest of the newest whole file of a run, its arrays in "state"; None without a run."""
    found = steps_in(folder)
    for path in found:
        try:
            with archive.named(path):
                manifest, arrays = archive.read(path)
                plain = manifest.get("state")
                if not isinstance(plain, dict) or plain == {}:
                    raise archive.refused("", "the file of a run", "a model alone")
                for part in ("start", "about"):
                    if not isinstance(plain.get(part), dict):
                        raise archive.refused(part, "values by name", plain.get(part))
                state = {k.removeprefix(STATE): a for k, a in arrays.items() if k.startswith(STATE)}
                return {**manifest, "state": {**plain, **state}, "path": path}
        except CheckpointError as error:
            if path == found[-1]:
                raise
            warnings.warn(f"{error}; the file before it is used", stacklevel=5)
    return None


def points(schedule: Callable[[float], float]) -> list[float]:
    """A few values of a schedule: enough to tell two functions from one another."""
    return [float(schedule(part / 8)) for part in range(8)]


def digest(data: Any) -> str:
    """The SHA-256 of arrays in tuples and dicts; of what samples, its class and fields."""
    total = hashlib.sha256()
    for path, leaf in tree.leaves(data) if isinstance(data, tuple) else [("", data)]:
        if hasattr(leaf, "__array__"):
            array = np.asarray(leaf)
            total.update(f"{path} {array.dtype} {array.shape}".encode())
            step = max(1, 2**24 // max(1, array[:1].nbytes)) if array.ndim else 1
            for k in range(0, len(array) if array.ndim else 0, step):
                total.update(np.ascontiguousarray(array[k : k + step]).tobytes())
        else:
            total.update(f"{path} {type(leaf).__qualname__} {settings(leaf)}".encode())
    return total.hexdigest()


def difference(old: Any, new: Any, path: str = "") -> str | None:
    """The path of the first place where two descriptions of a model differ."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        pairs = [(f"{path}.{key}", old[key], new[key]) for key in old]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [(f"{path}.{k}", *both) for k, both in enumerate(zip(old, new, strict=True))]
    else:
        return None if old == new else path.strip(".")
    return next((place for p, a, b in pairs if (place := difference(a, b, p)) is not None), None)
