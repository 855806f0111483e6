"""One forward and backward pass of a layer beside a reference, and its repetitions."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minigen.check.complexstep import ComplexStep
from minigen.check.probe import Probe, random_cotangents
from minigen.check.reference import choose
from minigen.check.richardson import Richardson


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Random cotangents v of the outputs, and {name: gradient} as `backward` gives it for them.

    Another forward pass runs in between: a layer that keeps its last input is wrong then.
    """

    probe: Probe
    outputs: list[NDArray]
    cotangents: list[NDArray]
    yours: dict
    reference: ComplexStep | Richardson
    rng: np.random.Generator

    @classmethod
    def of(cls, probe: Probe, rng: np.random.Generator, method: str = "auto") -> "Evaluation":
        """One run, with the reference that `method` asks for."""
        outputs, cache = probe.forward()
        vs = random_cotangents(outputs, rng)
        elsewhere = {name: 0.75 * x for name, x in probe.inputs.items()}
        dataclasses.replace(probe, inputs=elsewhere).forward()
        yours = probe.backward(vs, cache)
        return cls(probe, outputs, vs, yours, choose(probe, method, rng), rng)

    def again(self, name: str, scale: float) -> NDArray:
        """The gradient for `scale` times the cotangents, with no other forward in between."""
        scaled = [scale * v for v in self.cotangents]
        return self.probe.backward(scaled, self.probe.forward()[1])[name]

    @property
    def rows(self) -> int:
        """N, the number of rows of the first input; 0 where it has none."""
        first = next(iter(self.probe.inputs.values()), None)
        return len(first) if first is not None and first.ndim else 0

    @property
    def names(self) -> list[str]:
        """What to call the outputs: y (or x) and logdet where they look so."""
        if [y.ndim for y in self.outputs] == [2, 1]:
            return ["x" if self.probe.direction == "inverse" else "y", "logdet"]
        return [f"output {k}" for k in range(len(self.outputs))]

    @property
    def known(self) -> dict[str, NDArray]:
        """The inputs, the outputs and their cotangents by name."""
        outputs = dict(zip(self.names, self.outputs, strict=True))
        cotangents = {f"d{name}": v for name, v in zip(self.names, self.cotangents, strict=True)}
        return self.probe.inputs | outputs | cotangents
