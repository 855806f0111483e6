"""All that changes during a run, as plain values and arrays, and put back from them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigen.core import validate
from minigen.training.archive import refused
from minigen.training.batches import twin


class State:
    """The parts of a run, by name.

    Each part lists in `kept` the attributes that change; of an optimizer of the user's all
    attributes are kept that are numbers or arrays.
    """

    def __init__(self, rng: np.random.Generator, **parts: Any) -> None:
        self.rng, self.parts = rng, parts

    def values(self) -> dict[str, Any]:
        """{"part.attribute": value}: arrays, and what JSON can hold."""
        found = {"rng": plain(self.rng.bit_generator.state)}
        for name, part in self.parts.items():
            for key in kept(part):
                value = getattr(part, key)
                if key == "history":
                    found |= {f"{name}.{key}.{k}": np.array(v) for k, v in value.items()}
                else:
                    array = isinstance(value, np.ndarray)
                    found[f"{name}.{key}"] = value if array else plain(value)
        return found

    def put(self, values: dict[str, Any]) -> None:
        """Take the values back; arrays of the run are written in place."""
        set_state(self.rng, values["rng"])
        for name, part in self.parts.items():
            for key in kept(part):
                path, old = f"{name}.{key}", getattr(part, key)
                if key == "history":
                    columns = {k: v for k, v in values.items() if k.startswith(f"{path}.")}
                    for k, column in columns.items():
                        refuse_other(k, None, column)
                        if np.ndim(column) != 1:
                            raise refused(k, "one number a step", np.shape(column))
                        old[k[len(path) + 1 :]] = column.tolist()
                    continue
                new = values.get(path)
                refuse_other(path, old, new)
                if isinstance(old, np.ndarray):
                    old[...] = new
                    continue
                new = like(old, new)
                if isinstance(old, dict) and "bit_generator" in old:
                    twin(self.rng, new)  # refuses what is no state of it
                setattr(part, key, new)


def refuse_other(path: str, old: Any, new: Any) -> None:
    """Refuse a value of a file that cannot stand where the run has `old`.

    An optimizer's numbers may be any: who wrote it knows what they mean.
    """
    old, free = old.item() if isinstance(old, np.generic) else old, path.startswith("optimizer.")
    if isinstance(old, dict):
        if not isinstance(new, dict) or new.keys() != old.keys():
            raise refused(path, f"the values {', '.join(old)}", new)
        for key, item in old.items():
            refuse_other(f"{path}.{key}", item, new[key])
    elif isinstance(old, np.ndarray):
        array = np.asarray(new)
        same = array.dtype == old.dtype if array is new else array.dtype.kind in "iuf"
        fits = same and array.shape == old.shape
        if not (fits and (free or np.isfinite(array).all())):
            wanted = f"finite numbers, {old.dtype} {old.shape}"
            raise refused(path, wanted, f"{array.dtype} {array.shape}")
    elif isinstance(new, np.ndarray):
        if old is not None or not (free or np.isfinite(new).all()):
            raise refused(path, "a value, or finite numbers", new)
    elif isinstance(new, dict | list) or not (free or new == new):
        raise refused(path, "a value", new)
    elif type(old) is int and not (type(new) is int and (free or new >= 0)):
        raise refused(path, "an integer >= 0", new)
    elif old is not None and not isinstance(new, int | float if type(old) is float else type(old)):
        raise refused(path, f"a value like {old!r:.40}", new)


def kept(part: Any) -> tuple[str, ...]:
    """The attributes of a part that change during a run."""
    known = getattr(part, "kept", None)
    if known is not None:
        return tuple(known)
    for key, value in vars(part).items():
        if not isinstance(value, np.ndarray | np.generic | int | float | str | None):
            what = "attributes that are numbers or arrays, or their names in `kept`"
            raise validate.wrong_type("optimizer", what, f"{key}, a {type(value).__name__}")
    return tuple(vars(part))


def settings(part: Any, change: Sequence[str] = ()) -> dict[str, Any]:
    """The fields of a dataclass that are plain values and do not `change` during a run."""
    fields = dataclasses.fields(part) if dataclasses.is_dataclass(part) else []
    found = {f.name: getattr(part, f.name) for f in fields if f.init and f.name not in change}
    return {k: v for k, v in found.items() if isinstance(v, int | float | str | None)}


def plain(value: Any) -> Any:
    """Nested dicts with lists for arrays."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def like(old: Any, new: Any) -> Any:
    """`plain` undone: arrays, and numbers of a type of NumPy's, where `old` has them."""
    if isinstance(old, np.generic):
        return old.dtype.type(new)
    if isinstance(old, dict):
        return {key: like(item, new[key]) for key, item in old.items()}
    return np.array(new, old.dtype) if isinstance(old, np.ndarray) else new


def set_state(rng: np.random.Generator, state: Any) -> None:
    """Put a generator into a state that `plain` wrote; it must be of the same kind."""
    refuse_kind(rng, state)
    now = rng.bit_generator.state
    refuse_other("rng", now, state)
    rng.bit_generator.state = like(now, state)


def refuse_kind(rng: np.random.Generator, state: Any) -> None:
    """Refuse a generator of another kind than the state is of."""
    now = rng.bit_generator.state["bit_generator"]
    name = state.get("bit_generator") if isinstance(state, dict) else state
    if name != now:
        raise validate.expected("rng", f"a generator on {name}, as in the run", now)
