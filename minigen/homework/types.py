"""Names of types that tasks, references and marks share."""

from collections.abc import Callable

from numpy.typing import NDArray

Variant = dict[str, str]  # {option: choice}
Size = tuple[int, ...]
Outputs = tuple[NDArray, ...]
Drawn = tuple[tuple, tuple]  # inputs, and what is given besides
Reference = Callable[..., Outputs]  # (path, *inputs, *given)
Draw = Callable[..., Drawn]  # (rng, *size)
