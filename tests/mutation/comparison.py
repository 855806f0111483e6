"""Whether a mutant changes an output, whether the check sees it, and what other packages say."""

import dataclasses
import functools
import warnings
from dataclasses import dataclass, field

import numpy as np

from minigen import check
from minigen.check.probe import Probe, random_cotangents
from minigen.check.shapes import misshapen

from . import packages
from .targets import Scaled, cases

SCALES = (1.0, 1e-3, 1e-6)
ENTRIES = 8  # of each array, and random directions for the others
DRAWS, TRIES = 24, 4


@dataclass
class Outcome:
    """At one loss scale: draws at which an output changes, whether one was caught, and when.

    first: caught at the first of them. raised: it only ever raises an error.
    missed: the other packages that let the first changed draw pass; void: those that object to
    it, but to the right code at the same draw as well.
    """

    changed: int = 0
    raised: int = 0
    caught: bool = False
    first: bool = False
    missed: set = field(default_factory=set)
    void: set = field(default_factory=set)


class Point:
    """A layer at a point, its right gradients, and numbers other rules need, made once."""

    def __init__(self, case, scale, seed):
        self.layer, self.case = Scaled(case.layer, scale), case
        self.probe = Probe.of(self.layer, case.inputs, case.given)
        outputs, _ = self.probe.forward()
        self.cotangents = random_cotangents(outputs, np.random.default_rng([5, seed]))
        self.right = self.gradients()

    def gradients(self):
        """{name: gradient} by `backward` as it now is."""
        _, cache = self.probe.forward()
        elsewhere = {name: 0.75 * x for name, x in self.probe.inputs.items()}
        dataclasses.replace(self.probe, inputs=elsewhere).forward()  # two caches alive at once
        return self.probe.backward(self.cotangents, cache)

    def differs(self):
        """Whether the gradients, as they now are, differ from the right ones beyond rounding."""
        mine = self.gradients()
        if misshapen(self.probe.points, mine):
            return True
        top = max((np.abs(g).max(initial=0) for g in self.right.values()), default=0)
        return any(
            not np.all(np.abs(mine[n] - g) <= 1e-11 * np.abs(g) + 1e-13 * top)
            for n, g in self.right.items()
        )

    def report(self, seed):
        """The check's report on the gradients as they now are."""
        options = {"given": self.case.given, "rng": np.random.default_rng(seed)}
        return check.gradients(self.layer, *self.case.inputs, **options, entries=ENTRIES)

    def caught(self, seed):
        """Whether the check objects; an error is an objection."""
        try:
            return not self.report(seed)
        except Exception:  # a broken backward may raise anything
            return True

    @functools.cached_property
    def others(self):
        """The other packages' checks at this point."""
        return packages.Others(self.probe)


@functools.lru_cache(maxsize=400)
def points(target, k, scale):
    """The points of the k-th draw of a target."""
    return [Point(case, scale, k) for case in cases(target, k)]


def outcome(target, mutant, scale, compare=False):
    """The Outcome on one mutant at one scale of the loss."""
    v = Outcome()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for k in range(DRAWS):
            for point in points(target, k, scale):
                first = not v.changed
                with target.replaced(mutant.function):
                    step(v, point, k)
                if compare and first and v.changed:
                    ask(v, point, target, mutant)
            if v.caught or v.changed >= TRIES or v.raised >= TRIES:
                break
    return v


def step(v, point, k):
    """One point of a mutant's trial."""
    if v.caught:
        return
    try:
        if not point.differs():
            return
    except Exception:  # a broken backward may raise anything
        v.raised += 1
        return
    v.changed += 1
    v.caught = point.caught(k)
    v.first = v.caught and v.changed == 1


def ask(v, point, target, mutant):
    """What the other packages say of a mutant at a point where it changes an output."""
    others = point.others
    with target.replaced(mutant.function):
        objecting = others.objecting()
    v.missed = others.checks.keys() - objecting
    v.void = others.accusing & objecting
