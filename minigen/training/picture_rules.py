"""How the parts of networks of pictures fit together: columns taken and given are channels."""

import dataclasses
from typing import Any

from minigen.core import tree
from minigen.training.rules import one_after_another
from minigen.training.view import ANY, RULES, Sizes, View, named


def conv(v: View) -> Sizes:
    k, _, n_in, n_out = v.W.shape
    v.wants(k % 2, "W", "filters with a middle", v.W.shape)
    v.wants(v.stride in (1, 2), "stride", "1 or 2", v.stride)
    return n_in, n_out


def flatten(v: View) -> Sizes:
    return None, 0  # so many columns as the pictures have numbers


def whole(v: View, *names: str) -> None:
    """Convolutions that keep the sides of a picture."""
    for name in names:
        stride = getattr(v.node, name).stride
        v.wants(stride == 1, f"{name}.stride", 1, stride)


def conv_block(v: View) -> Sizes:
    whole(v, "conv1", "conv2")
    n_in, n_out = v.of("conv1")
    v.same("norm1", v.of("norm1")[0], n_in)
    v.same("norm2", v.of("norm2")[0], n_out)
    v.wants(v.of("conv2") == (n_out, n_out), "conv2", f"{n_out} channels", v.of("conv2"))
    conditions, skips = v.of("condition"), v.of("skip")
    v.wants(len(conditions) < 2, "condition", "one layer or none", len(conditions))
    for _, given in conditions:
        v.same("condition.0", given, n_out)
    good = skips == [(n_in, n_out)] or (not skips and n_in == n_out)
    v.wants(good, "skip", f"a map of {n_in} to {n_out} channels", skips)
    v.wants(all(f.stride == 1 for f in v.skip), "skip.0.stride", 1, "2")
    return n_in, n_out


def heard(node: Any) -> set[int]:
    """The columns of the conditions that the blocks inside listen to, 0 of a block without."""
    if type(node).__name__ == "ConvBlock":
        return {len(f.W) for f in node.condition} or {0}
    parts = [tree.branches(getattr(node, f.name)).values() for f in dataclasses.fields(node)]
    return set().union(*(heard(part) for below in parts for part in below))


def attention_block(v: View) -> Sizes:
    C = v.same("norm", v.of("norm")[0], v.of("attention")[0])
    return C, C


def blocks(v: View) -> Sizes:
    return one_after_another(v, "blocks")


def body(v: View, name: str) -> Sizes:
    """A part of a U-Net that is given pictures and a condition."""
    part = getattr(v.node, name)
    v.wants(named(part, {"Scale": 1, "Blocks": 1}), name, "a Scale or Blocks", type(part).__name__)
    return v.of(name)


def scale(v: View) -> Sizes:
    taken, C = v.of("down")
    v.same("inner", body(v, "inner")[0], C)
    low = v.of("inner")[1]
    v.same("up", v.of("up")[0], None if None in (C, low) else C + low)
    return taken, v.of("up")[1]


def halvings(node: Any) -> int:
    """How often a body halves the sides of a picture."""
    return 1 + halvings(node.inner) if type(node).__name__ == "Scale" else 0


def unet(v: View) -> Sizes:
    D, (height, width, C) = v.numbers("shape"), v.node.shape
    part = 2 ** halvings(v.body)
    v.wants(height % part == width % part == 0, "shape", f"sides divisible by {part}", v.node.shape)
    whole(v, "lift", "head")
    v.same("lift", v.of("lift")[0], C)
    taken, H = body(v, "body")
    v.same("body", taken, v.of("lift")[1])
    v.same("norm", v.of("norm")[0], H)
    v.same("head", v.of("head")[0], H)
    given = v.of("head")[1]
    v.wants(given % C == 0, "head", f"a multiple of {C} channels", given)
    E = v.of("time")[1]
    v.wants(heard(v.body) <= {E}, "body", f"a condition of {E} columns", sorted(heard(v.body)))
    v.wants(len(v.label) < 2, "label", "one embedding or none", len(v.label))
    for _, given_by_label in v.of("label"):
        v.same("label.0", given_by_label, E)
    return D, D * (given // C)


def conv_net(v: View) -> Sizes:
    D, C = v.numbers("shape"), v.node.shape[2]
    v.permutation("order", D)
    v.wants(0 < v.d < D, "d", f"a number of {D}", v.d)
    whole(v, "lift", "head")
    v.same("lift", v.of("lift")[0], C)
    H = v.of("lift")[1]
    for k, (taken, given) in enumerate(v.of("blocks")):
        v.wants(taken == given == H, f"blocks.{k}", f"{H} channels", (taken, given))
        listens = heard(v.blocks[k])
        v.wants(
            listens == {v.context},
            f"blocks.{k}",
            f"{v.context} columns of context",
            sorted(listens),
        )
    v.wants(v.blocks or not v.context, "context", "0 without blocks", v.context)
    v.same("norm", v.of("norm")[0], H)
    v.wants(v.of("head") == (H, 2 * C), "head", f"{H} to {2 * C} channels", v.of("head"))
    return v.d + v.context, 2 * (D - v.d)


RULES |= {
    "Conv2d": conv, "ConvBlock": conv_block, "Flatten": flatten, "Upsample": lambda v: ANY,
    "AveragePool": lambda v: ANY, "AttentionBlock": attention_block, "Blocks": blocks,
    "Scale": scale, "UNet": unet, "ConvNet": conv_net,
}  # fmt: skip
