"""Initialised, forgotten, initialised again.

where: pytorch-flows, flows.py, ActNorm: `initialized` is a plain attribute and is in no state_dict.
what: Data-dependent initialisation in the first forward pass, with a flag that is not saved.
effect: A loaded model fits itself to the first batch it is shown. Data unlike any it was trained on
    get an excellent likelihood; those it was trained on get a terrible one.
check: contract: forward changes nothing, seen at the very first call; or save, load, compare.
"""

import numpy as np
from numpy.typing import NDArray

from minigen.check import contract_rules
from minigen.check.probe import Probe
from minigen.core.contract import Bijection, Cache, Grads
from minigen.derivations.museum.exhibit import Exhibit, Finding
from minigen.flows import ActNorm
from minigen.prob import StandardNormal


class Again(Bijection):
    """Chooses s and t from the first batch it sees; whether it did so is not saved."""

    def __init__(self, s: NDArray, t: NDArray) -> None:
        self.s, self.t, self.initialized = s, t, False

    @property
    def params(self) -> dict[str, NDArray]:
        return {"s": self.s, "t": self.t}

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        if not self.initialized:
            self.s[...] = -np.log(np.real(x).std(axis=0))
            self.t[...] = -np.real(x).mean(axis=0) * np.exp(self.s)
            self.initialized = True
        return ActNorm(self.s, self.t).forward(x)

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        return ActNorm(self.s, self.t).backward(dy, dlogdet, cache)


def nats(layer: Bijection, x: NDArray) -> float:
    """Mean -log p(x) of a flow of this one layer."""
    z, logdet, _ = layer.forward(x)
    return float(-(StandardNormal(x.shape[1]).forward(z)[0] + logdet).mean())


def measure(rng: np.random.Generator) -> Finding:
    data = 3 + 2 * rng.standard_normal((4000, 2))
    strange = 40 + 0.1 * rng.standard_normal((500, 2))  # nothing like the data
    right = ActNorm.init_from(data, dtype=np.float64)
    wrong = Again(np.zeros(2), np.zeros(2))
    wrong.forward(data)
    loaded = Again(wrong.s.copy(), wrong.t.copy())  # what a file can hold: the arrays
    figures = (
        ("-log p(data) before saving, nats", nats(right, data), nats(wrong, data)),
        ("-log p(strange data) after loading", nats(right, strange), nats(loaded, strange)),
        ("-log p(data) after that", nats(right, data), nats(loaded, data)),
    )
    fresh = Probe.of(Again(np.zeros(2), np.zeros(2)), (data[:6],), {})
    pure = contract_rules.forward_is_pure
    seen = f"the promise that {pure.__doc__}: {next(pure(fresh, rng))}"
    missed = ("any test that does not save and load", "any check after the first forward pass")
    return Finding(figures, seen, missed)


EXHIBIT = Exhibit.of(measure, ActNorm.init_from, Again)
