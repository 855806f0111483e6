"""Rows and pictures on their way through the maps of a chain.

`after` says what comes out of a map, and `before` what went in: an integer for rows of so many
columns, (H, W, C) for pictures, None where that is not known.
"""

import math
from collections.abc import Callable
from typing import Any

from minigen.training.view import LARGE, View, named, sizes

Form = int | tuple[int, int, int] | None


def after(node: Any, path: str, form: Form) -> Form:
    """What comes out of a map that rows or pictures of this form go into."""
    step = named(node, AFTER)
    if step is not None:
        return step(View(node, path), form)
    taken, given = sizes(node, path)
    v = View(node, path)
    good = None in (taken, form) or taken == form
    v.wants(good, "", form if isinstance(form, tuple) else f"{form} columns", taken)
    known = type(node).__module__.startswith("minigen.")
    return given if given is not None else form if known else None


def before(node: Any, path: str, form: Form) -> Form:
    """What went into a map that rows or pictures of this form come out of."""
    step = named(node, BEFORE)
    return after(node, path, form) if step is None else step(View(node, path), form)


def chain_after(v: View, form: Form) -> Form:
    contexts = {f.context for f in v.layers} - {0}
    v.wants(len(contexts) < 2, "layers", "one width of context", sorted(contexts))
    for k, f in enumerate(v.layers):
        form = after(f, v.place(f"layers.{k}"), form)
    return form


def chain_before(v: View, form: Form) -> Form:
    for k, f in reversed(list(enumerate(v.layers))):
        form = before(f, v.place(f"layers.{k}"), form)
    return form


def inverse_after(v: View, form: Form) -> Form:
    return before(v.f, v.place("f"), form)


def inverse_before(v: View, form: Form) -> Form:
    return after(v.f, v.place("f"), form)


def picture_after(v: View, form: Form) -> Form:
    D = v.numbers("shape")
    v.wants(form in (None, D), "shape", f"{form} numbers", v.node.shape)
    return v.node.shape


def picture_before(v: View, form: Form) -> Form:
    v.wants(form in (None, v.node.shape), "shape", form, v.node.shape)
    return v.numbers("shape")


def squeeze_after(v: View, form: Form) -> Form:
    if form is None:
        return None
    good = isinstance(form, tuple) and form[0] % 2 == form[1] % 2 == 0
    v.wants(good, "", "pictures with even sides", form)
    height, width, C = form  # type: ignore[misc]
    return height // 2, width // 2, 4 * C


def squeeze_before(v: View, form: Form) -> Form:
    if form is None:
        return None
    v.wants(isinstance(form, tuple) and form[2] % 4 == 0, "", "channels in fours", form)
    height, width, C = form  # type: ignore[misc]
    return 2 * height, 2 * width, C // 4


def each_pixel(v: View, form: Form) -> Form:
    C, _ = v.of("f")
    if form is not None:
        v.wants(isinstance(form, tuple), "", "a map of rows", "one of pictures")
        v.same("f", C, form[2])  # type: ignore[index]
    return form


def on_columns(v: View, form: Form) -> Form:
    v.same("f", v.of("f")[0], len(v.columns))
    v.wants(not isinstance(form, tuple), "", "a map of pictures", "one of rows")
    most = LARGE if form is None else form
    v.wants(max(v.columns) < most, "columns", f"columns of {most}", v.columns)
    return form


def picture_coupling(v: View, form: Form) -> Form:
    D, _ = v.of("coupling")
    v.permutation("order", len(v.order) if D is None else D)
    shape = getattr(v.coupling.net, "shape", form)
    v.wants(form in (None, shape), "coupling.net.shape", form, shape)
    good = not isinstance(shape, tuple) or math.prod(shape) == len(v.order)
    v.wants(good, "order", shape, len(v.order))
    return form


def factor_out(v: View, form: Form) -> Form:
    v.wants(0 < v.d < v.channels, "d", f"a number of {v.channels} channels", v.d)
    if form is None:
        after(v.rest, v.place("rest"), None)
        return None
    v.wants(isinstance(form, tuple) and form[2] == v.channels, "channels", form, v.channels)
    height, width, C = form  # type: ignore[misc]
    rows = after(v.rest, v.place("rest"), (height, width, C - v.d))
    v.wants(rows in (None, height * width * (C - v.d)), "rest", "rows", rows)
    return height * width * C


AFTER: dict[str, Callable[[View, Form], Form]] = {
    "Chain": chain_after, "Inverse": inverse_after, "Picture": picture_after,
    "Squeeze": squeeze_after, "EachPixel": each_pixel, "OnColumns": on_columns,
    "PictureCoupling": picture_coupling, "FactorOut": factor_out,
}  # fmt: skip
BEFORE: dict[str, Callable[[View, Form], Form]] = {
    "Chain": chain_before, "Inverse": inverse_before, "Picture": picture_before,
    "Squeeze": squeeze_before, "FactorOut": lambda v, form: factor_out(v, None),
}  # fmt: skip
