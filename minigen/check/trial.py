"""One run of a layer on trial: what it says its gradients are."""

import dataclasses
import functools
from dataclasses import dataclass

from minigen.check.subject import cotangents


@dataclass(frozen=True, eq=False)
class Trial:
    """Random cotangents v of the outputs, and {name: gradient} as `backward` gives it for them.

    Another forward pass runs in between: what a layer remembers of its last input is then wrong.
    """

    subject: object
    outputs: list
    cotangents: list
    yours: dict

    @classmethod
    def of(cls, subject, rng):
        outputs, cache = subject.forward()
        vs = cotangents(outputs, rng)
        elsewhere = {name: 0.75 * x for name, x in subject.inputs.items()}
        dataclasses.replace(subject, inputs=elsewhere).forward()
        return cls(subject, outputs, vs, subject.backward(vs, cache))

    @functools.cached_property
    def alone(self):
        """The gradients when no other forward pass runs in between."""
        _, cache = self.subject.forward()
        return self.subject.backward(self.cotangents, cache)

    @functools.cached_property
    def turned(self):
        """The gradients for -2 times the cotangents."""
        _, cache = self.subject.forward()
        return self.subject.backward([-2 * v for v in self.cotangents], cache)

    @property
    def rows(self):
        """N, the number of rows of the first input; 0 where it has none."""
        first = next(iter(self.subject.inputs.values()), None)
        return len(first) if first is not None and first.ndim else 0

    @property
    def names(self):
        """What to call the outputs: y and logdet where they look so."""
        if [y.ndim for y in self.outputs] == [2, 1]:
            return ["y", "logdet"]
        return [f"output {k}" for k in range(len(self.outputs))]
