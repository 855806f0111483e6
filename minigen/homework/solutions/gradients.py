"""Model solutions of assignment 1."""

from minigen.homework.solutions import function
from minigen.homework.types import Variant

LOSS = {
    "half square": ("e * e / 2", "e"),
    "log cosh": ("np.log(np.cosh(e))", "np.tanh(e)"),
    "pseudo-Huber": ("np.sqrt(1 + e * e) - 1", "e / np.sqrt(1 + e * e)"),
    "logistic": ("np.logaddexp(0, e) - e / 2", "1 / (1 + np.exp(-e)) - 0.5"),
}


def solution(variant: Variant) -> dict[str, str]:
    """{function: its body}."""
    f, df = function(variant["activation"], "r")
    g, dg = function(variant["activation"], "q")
    loss, dloss = LOSS[variant["loss"]]
    rows = {"mean of rows": "len(e)", "sum": "1", "mean": "e.size"}[variant["reduction"]]
    ratio, kind = variant["steps"].split()
    power = int(ratio) ** (2 if kind == "central" else 1)
    return {
        "layer_forward": f"    r = x @ W + b\n    return {f}, (x, W, r)",
        "layer_backward": f"    x, W, r = cache\n    dr = dy * {df}\n"
        "    return dr @ W.T, x.T @ dr, dr.sum(axis=0)",
        "loss_forward": f"    e = pred - target\n    return ({loss}).sum() / {rows}, e",
        "loss_backward": f"    e = cache\n    return dloss * ({dloss}) / {rows}",
        "twice_forward": f"    r = x @ W + b\n    h = {f}\n    q = h @ W + b\n"
        f"    return {g}, (x, W, r, h, q)",
        "twice_backward": f"    x, W, r, h, q = cache\n    d2 = dy * {dg}\n"
        f"    d1 = (d2 @ W.T) * {df}\n"
        "    return d1 @ W.T, x.T @ d1 + h.T @ d2, (d1 + d2).sum(axis=0)",
        "layer_jvp": f"    r = x @ W + b\n    return {df} * (ux @ W + x @ uW + ub)",
        "extrapolate": f"    return ({power} * fine - coarse) / {power - 1}",
    }
