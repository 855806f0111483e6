"""All that changes during a run, as plain values and arrays, and put back from them."""

import dataclasses
from typing import Any

import numpy as np

from minigen.core import validate
from minigen.training.archive import refused


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
                    found[f"{name}.{key}"] = plain(value) if isinstance(value, dict) else value
        return found

    def put(self, values: dict[str, Any]) -> None:
        """Take the values back; arrays of the run are written in place."""
        set_state(self.rng, values["rng"])
        for name, part in self.parts.items():
            for key in kept(part):
                path, old = f"{name}.{key}", getattr(part, key)
                if key == "history":
                    columns = {k: v for k, v in values.items() if k.startswith(f"{path}.")}
                    old.update({k[len(path) + 1 :]: v.tolist() for k, v in columns.items()})
                    continue
                new = values[path]
                if isinstance(old, np.ndarray):
                    if getattr(new, "shape", None) != old.shape or new.dtype != old.dtype:
                        raise refused(path, f"{old.dtype} {old.shape}", np.shape(new))
                    old[...] = new
                else:
                    setattr(part, key, like(old, new) if isinstance(old, dict) else new)


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


def settings(part: Any) -> dict[str, Any]:
    """The fields of an optimizer that do not change."""
    fields = dataclasses.fields(part) if dataclasses.is_dataclass(part) else []
    names = [f.name for f in fields if f.init]
    return {name: getattr(part, name) for name in names if name not in kept(part)}


def plain(value: Any) -> Any:
    """Nested dicts with lists for arrays."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def like(old: Any, new: Any) -> Any:
    """`plain` undone: arrays where `old` has them."""
    if isinstance(old, dict):
        return {key: like(item, new[key]) for key, item in old.items()}
    return np.array(new, old.dtype) if isinstance(old, np.ndarray) else new


def set_state(rng: np.random.Generator, state: Any) -> None:
    """Put a generator into a state that `plain` wrote; it must be of the same kind."""
    now = rng.bit_generator.state
    name = state.get("bit_generator") if isinstance(state, dict) else state
    if name != now["bit_generator"]:
        raise validate.expected(
            "rng", f"a generator on {name}, as in the run", now["bit_generator"]
        )
    rng.bit_generator.state = like(now, state)
