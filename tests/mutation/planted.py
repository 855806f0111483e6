"""Mistakes that no single line shows: made by hand, planted into every class in the same way."""

import numpy as np

from .syntax import Mutant
from .targets import Target, users


def on_results(change):
    """A mistake that changes what `backward` returns: change(layer, dinputs, grads)."""

    def plant(original):
        def backward(self, *args):
            *dinputs, grads = original(self, *args)
            dinputs, grads = change(self, dinputs, grads)
            return *dinputs, grads

        return backward

    return plant


def on_cotangents(change):
    """A mistake that changes what `backward` is given."""

    def plant(original):
        def backward(self, *args):
            *cotangents, cache = args
            return original(self, *map(change, cotangents), cache)

        return backward

    return plant


def leaves(change):
    """A change of every parameter's gradient g, given the parameter p."""

    def both(layer, dinputs, grads):
        return dinputs, mapped(change, layer.params, grads)

    return on_results(both)


def mapped(change, params, grads):
    return {
        key: mapped(change, params[key], g) if isinstance(g, dict) else change(params[key], g)
        for key, g in grads.items()
    }


def turned(p, g):
    return g.T.copy() if g.ndim == 2 and g.shape[0] == g.shape[1] else g


def swapped(layer, dinputs, grads):
    fits = len(dinputs) > 1 and np.shape(dinputs[0]) == np.shape(dinputs[1])
    return ([dinputs[1], dinputs[0], *dinputs[2:]] if fits else dinputs), grads


MISTAKES = {
    "accumulated twice": leaves(lambda p, g: 2 * g),
    "weight decay in the gradient": leaves(lambda p, g: g + 1e-4 * p),
    "gradient of a square matrix transposed": leaves(turned),
    "last entry of each parameter left at 0": leaves(
        lambda p, g: g * (np.arange(g.size) < max(g.size - 1, 1)).reshape(g.shape)
    ),
    "a little noise": leaves(lambda p, g: g + 1e-9 * np.abs(g).max(initial=0)),
    "gradients of two inputs swapped": on_results(swapped),
    "1e-8 added to dx": on_results(
        lambda layer, dinputs, grads: (
            [d + 1e-8 * np.abs(d).max(initial=0) for d in dinputs],
            grads,
        )
    ),
    "every cotangent 1": on_cotangents(np.ones_like),
    "cotangents clipped at 1": on_cotangents(lambda v: np.clip(v, -1, 1)),
    "cotangents clipped at 1e-7": on_cotangents(lambda v: np.clip(v, -1e-7, 1e-7)),
    "sign of the cotangents lost": on_cotangents(np.abs),
    "cotangents in float32": on_cotangents(lambda v: np.float64(np.float32(v))),
    "rows of the batch in reverse": on_cotangents(lambda v: v[::-1] if np.ndim(v) else v),
    "mean of the cotangents for each": on_cotangents(lambda v: np.full_like(v, np.mean(v))),
}


def stale(forward, backward):
    """A layer that remembers the cache of its last forward pass and uses that one."""
    last = {}

    def remembering(self, *inputs, **given):
        out = forward(self, *inputs, **given)
        last["cache"] = out[-1]
        return out

    def remembered(self, *args):
        return backward(self, *args[:-1], last["cache"])

    return {"forward": remembering, "backward": remembered}


def PLANTED():
    """(target, mutant) of every mistake in every class that has a backward of its own."""
    for c, lines in users().items():
        if "backward" in vars(c) and lines:
            target = Target(c, "backward", vars(c)["backward"], lines)
            for text, plant in MISTAKES.items():
                yield target, Mutant("by hand", "backward", text, plant(target.function))
            pair = stale(vars(c)["forward"], target.function)
            yield target, Mutant("by hand", "backward", "stale cache", pair)
