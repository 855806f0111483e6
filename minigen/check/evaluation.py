"""One run of a layer on evaluation: what it says its gradients are."""

import dataclasses
import functools
from dataclasses import dataclass

from minigen.check.probe import cotangents


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Random cotangents v of the outputs, and {name: gradient} as `backward` gives it for them.

    Another forward pass runs in between: what a layer remembers of its last input is then wrong.
    """

    probe: object
    outputs: list
    cotangents: list
    yours: dict

    @classmethod
    def of(cls, probe, rng):
        outputs, cache = probe.forward()
        vs = cotangents(outputs, rng)
        elsewhere = {name: 0.75 * x for name, x in probe.inputs.items()}
        dataclasses.replace(probe, inputs=elsewhere).forward()
        return cls(probe, outputs, vs, probe.backward(vs, cache))

    @functools.cached_property
    def alone(self):
        """The gradients when no other forward pass runs in between."""
        _, cache = self.probe.forward()
        return self.probe.backward(self.cotangents, cache)

    @functools.cached_property
    def turned(self):
        """The gradients for -2 times the cotangents."""
        _, cache = self.probe.forward()
        return self.probe.backward([-2 * v for v in self.cotangents], cache)

    @property
    def rows(self):
        """N, the number of rows of the first input; 0 where it has none."""
        first = next(iter(self.probe.inputs.values()), None)
        return len(first) if first is not None and first.ndim else 0

    @property
    def names(self):
        """What to call the outputs: y and logdet where they look so."""
        if [y.ndim for y in self.outputs] == [2, 1]:
            return ["y", "logdet"]
        return [f"output {k}" for k in range(len(self.outputs))]
