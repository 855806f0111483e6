"""What is mutated: every function with a part in a backward pass, and the layers that use it."""

import contextlib
import dataclasses
import functools
import zlib
from dataclasses import dataclass

import numpy as np
import zoo

from minigen import nn
from minigen.core import tree
from minigen.core.contract import Inverse, Layer
from minigen.flows import chain, coupling, spline
from minigen.kernels import dense, mining
from minigen.kernels import spline as spline_kernels
from minigen.kernels.triangular import BlockTriangular
from minigen.metric import mined_triplets

# what the zoo's own lines do not reach: one condition, one time, for all rows
EXTRA = {
    "ResidualBlock, one condition": lambda s: s.case(
        nn.ResidualBlock.init(s.D, **s.new), s.x, s.normal(1, s.D)
    ),
    "TimeNet, one time": lambda s: s.case(
        zoo.ddpm(s, classes=2).reverse.net, s.x, t=s.t[:1], label=s.label
    ),
}
LINES = zoo.ZOO | EXTRA
METHODS = ("backward", "inverse_backward", "moved_backward",
           "prediction_backward", "grads")  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Scaled(Layer):
    """A layer whose outputs are multiplied by a number: a loss at another scale."""

    inner: Layer
    scale: float

    def forward(self, *inputs, **given):
        *outputs, cache = self.inner.forward(*inputs, **given)
        return *(y * self.scale for y in outputs), cache

    def backward(self, *args):
        *cotangents, cache = args
        *dinputs, grads = self.inner.backward(*(v * self.scale for v in cotangents), cache)
        return *dinputs, {"inner": grads}


@dataclass(frozen=True)
class Target:
    """A function, the place it is called from, and the lines of the zoo that call it."""

    owner: object
    name: str
    function: object
    lines: tuple

    @property
    def label(self):
        return f"{self.owner.__name__.removeprefix('minigen.')}.{self.name}"

    @contextlib.contextmanager
    def replaced(self, function):
        """Inside, the other function is called; or several, {name: function}."""
        new = function if isinstance(function, dict) else {self.name: function}
        originals = {name: vars(self.owner)[name] for name in new}
        for name, f in new.items():
            setattr(self.owner, name, f)
        try:
            yield
        finally:
            for name, f in originals.items():
                setattr(self.owner, name, f)


def below(node):
    """A layer and every layer in it."""
    yield node
    for f in dataclasses.fields(node):
        for child in tree.branches(getattr(node, f.name)).values():
            if isinstance(child, Layer):
                yield from below(child)


@functools.cache
def users():
    """{class: lines of the zoo that are it, or else the two smallest that contain it}."""
    top, inside, sizes = {}, {}, {}
    for name, line in LINES.items():
        layer = line(zoo.Sizes(np.random.default_rng(0))).layer
        sizes[name] = sum(a.size for a in tree.flatten(layer.params).values())
        top.setdefault(type(layer), []).append(name)
        for f in below(layer):
            inside.setdefault(type(f), []).append(name)
    small = {c: sorted(set(names), key=sizes.get)[:2] for c, names in inside.items()}
    return {c: tuple(top.get(c, small[c])) for c in inside}


def targets():
    """Every function to mutate."""
    found = [
        Target(c, name, vars(c)[name], ("SimpleLoss",) if name == "prediction_backward" else lines)
        for c, lines in users().items()
        for name in METHODS
        if name in vars(c)
    ]
    context = ("AffineCoupling with context", "AdditiveCoupling with context")
    return [
        *found,
        Target(coupling, "part", coupling.part, context),
        Target(spline, "part", spline.part, ("SplineCoupling",)),
        Target(chain, "added", chain.added, ("Chain with context", "maf, context")),
        Target(dense, "bias_relu_backward", dense.bias_relu_backward.twin, ("LinearReLU",)),
        Target(
            BlockTriangular, "product_backward", BlockTriangular.product_backward,
            ("MaskedLinear", "MADE"),
        ),
        Target(spline_kernels, "backward", spline_kernels.backward_numpy, ("Spline",)),
        Target(
            mined_triplets, "scatter", mining.scatter.twin,
            ("MinedTriplets, batch_hard", "MinedTriplets, semi_hard"),
        ),
    ]  # fmt: skip


@functools.lru_cache(maxsize=4000)
def draw(name, k):
    """The k-th case of a line of the zoo, the same at every run."""
    return LINES[name](zoo.Sizes(np.random.default_rng([zlib.crc32(name.encode()), 7, k])))


def cases(target, k):
    """The cases of the k-th draw: the layers that call the function."""
    for name in target.lines:
        case = draw(name, k)
        if target.name != "inverse_backward":
            yield case
        if name in zoo.BIJECTIONS and target.name != "backward":
            y = case.layer.forward(*case.inputs)[0]
            yield zoo.Case(Inverse(case.layer), (y, *case.inputs[1:]))
