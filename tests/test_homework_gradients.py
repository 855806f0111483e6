"""Homework 1: right answers of every kind pass, wrong ones are told what is wrong."""
# ruff: noqa: E501 (edits of source lines stand as they are)

from test_homework_bank import Bank, Wrong, function

LOSS = {
    "half square": ("e * e / 2", "e"),
    "log cosh": ("np.log(np.cosh(e))", "np.tanh(e)"),
    "pseudo-Huber": ("np.sqrt(1 + e * e) - 1", "e / np.sqrt(1 + e * e)"),
}
STEPS = {
    "halved": "(4 * fine - coarse) / 3",
    "divided by three": "(9 * fine - coarse) / 8",
    "halved, forward differences": "2 * fine - coarse",
}


def solution(variant):
    f, df = function(variant["activation"], "r")
    g, dg = (t.replace("r", "q").replace("aqctan", "arctan").replace("sqqt", "sqrt")
             for t in function(variant["activation"], "q"))  # fmt: skip
    g, dg = function(variant["activation"], "q")
    loss, dloss = LOSS[variant["loss"]]
    return {
        "layer_forward": f"    r = x @ W + b\n    return {f}, (x, W, r)",
        "layer_backward": f"    x, W, r = cache\n    dr = dy * {df}\n"
        "    return dr @ W.T, x.T @ dr, dr.sum(axis=0)",
        "loss_forward": f"    e = pred - target\n    return ({loss}).sum(axis=1).mean(), e",
        "loss_backward": f"    e = cache\n    return dloss * ({dloss}) / len(e)",
        "twice_forward": f"    r = x @ W + b\n    h = {f}\n    q = h @ W + b\n"
        f"    return {g}, (x, W, r, h, q)",
        "twice_backward": f"    x, W, r, h, q = cache\n    d2 = dy * {dg}\n"
        f"    d1 = (d2 @ W.T) * {df}\n"
        "    return d1 @ W.T, x.T @ d1 + h.T @ d2, (d1 + d2).sum(axis=0)",
        "layer_jvp": f"    r = x @ W + b\n    return {df} * (ux @ W + x @ uW + ub)",
        "extrapolate": f"    return {STEPS[variant['steps']]}",
    }


RIGHT = {
    "as it stands": (),
    "row by row": (
        ("return dr @ W.T, x.T @ dr, dr.sum(axis=0)",
         "return (np.array([W @ d for d in dr]), sum(np.outer(a, d) for a, d in zip(x, dr)), "
         "sum(dr))"),
    ),
    "recomputed from the inputs": (
        ("return y, (x, W, y)", 'return y, {"x": x, "W": W, "b": b}'),
        ("    x, W, y = cache\n", '    x, W = cache["x"], cache["W"]\n'
         '    y = np.tanh(x @ W + cache["b"])\n'),
    ),
    "lists, and arrays of one gradient": (
        ("return dloss * cache / len(cache)", "return [np.asarray(dloss) * cache / len(cache)]"),
        ("return dr @ W.T, x.T @ dr, dr.sum(axis=0)", "return [dr @ W.T, x.T @ dr, sum(dr)]"),
    ),
    "another order": (("(4 * fine - coarse) / 3", "fine + (fine - coarse) / 3"),
                      ("dr = dy * (1 - y**2)\n", "dr = dy - dy * y * y\n")),
}  # fmt: skip

FIRST = "    dr = dy * (1 - y**2)\n    return dr @ W.T, x.T @ dr, dr.sum(axis=0)\n"
WRONG = (
    Wrong("no derivative of the activation", ((FIRST, FIRST.replace(" * (1 - y**2)", "")),),
          "derivative of the activation is taken as 1"),
    Wrong("derivative at the wrong place", (("dr = dy * (1 - y**2)", "dr = dy * (1 - y)"),), ""),
    Wrong("ignores the cotangent", (("dr = dy * (1 - y**2)", "dr = 1 - y**2"),), "ignores"),
    Wrong("transpose", (("x.T @ dr, ", "dr.T @ x, "),), "transpose"),
    Wrong("sign", (("return dr @ W.T,", "return -dr @ W.T,"),), "the sign"),
    Wrong("db not summed", ((", dr.sum(axis=0)\n", ", dr\n"),), "not summed over the batch"),
    Wrong("db a mean", ((", dr.sum(axis=0)\n", ", dr.mean(axis=0)\n"),), "1/N"),
    Wrong("loss without the mean", (("/ 2 / len(e), e", "/ 2, e"),), "sum in place of a mean"),
    Wrong("gradient without the mean", (("dloss * cache / len(cache)", "dloss * cache"),),
          "sum over the batch instead of the mean"),
    Wrong("no dloss", (("dloss * cache / len", "cache / len"),), "ignores"),
    Wrong("the 2 of the square", (("dloss * cache / len", "2 * dloss * cache / len"),), "twice"),
    Wrong("only the second use of W", (("x.T @ dr1 + h.T @ dr2", "h.T @ dr2"),),
          "first use of W is missing"),
    Wrong("only the first use of b", (("dr1.sum(axis=0) + dr2.sum(axis=0)", "dr1.sum(axis=0)"),),
          "second use of b is missing"),
    Wrong("the second activation forgotten", (("dr2 = dy * (1 - y**2)", "dr2 = dy"),),
          "derivative of the second activation is taken as 1"),
    Wrong("no direction of b", (("x @ uW + ub)", "x @ uW)"),), "path of ub is missing"),
    Wrong("wrong weights of the extrapolation", (("(4 * fine - coarse) / 3", "2 * fine - coarse"),),
          ""),
    Wrong("a batch size written in", (("dloss * cache / len(cache)", "dloss * cache / 6"),),
          "batch size"),
    Wrong("float32", (("return dr @ W.T,", "return np.float32(dr @ W.T),"),), "float32"),
    Wrong("an epsilon", (("dr = dy * (1 - y**2)", "dr = dy * (1 - y**2 + 1e-8)"),), "almost right"),
    Wrong("the misprint kept", (("q * np.abs(slope)", "q * slope"),), "form as printed"),
    Wrong("writes into its input", (("    e = pred - target\n", "    pred -= target\n    e = pred\n"),),
          "writes into its input"),
)  # fmt: skip

BANK = Bank("gradients", RIGHT, WRONG, solution)
