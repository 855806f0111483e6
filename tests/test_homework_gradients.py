"""Homework 1: right answers of every kind pass, wrong ones are told what is wrong."""
# ruff: noqa: E501 (edits of source lines stand as they are)

from test_homework_bank import Bank, Wrong

RIGHT = {  # (old, new, old, new, ...)
    "as it stands": (),
    "row by row": ("return dr @ W.T, x.T @ dr, dr.sum(axis=0)",
          "return (np.array([W @ d for d in dr]), sum(np.outer(a, d) for a, d in zip(x, dr)), sum(dr))"),
    "recomputed from the inputs": ("return y, (x, W, y)", 'return y, {"x": x, "W": W, "b": b}', "    x, W, y = cache\n",
          '    x, W = cache["x"], cache["W"]\n    y = np.tanh(x @ W + cache["b"])\n'),
    "lists, and arrays of one gradient": ("return dloss * cache / len(cache)", "return [np.asarray(dloss) * cache / len(cache)]",
          "return dr @ W.T, x.T @ dr, dr.sum(axis=0)", "return [dr @ W.T, x.T @ dr, sum(dr)]"),
    "another order": ("(4 * fine - coarse) / 3", "fine + (fine - coarse) / 3", "dr = dy * (1 - y**2)\n", "dr = dy - dy * y * y\n"),
}  # fmt: skip

FIRST = "    dr = dy * (1 - y**2)\n    return dr @ W.T, x.T @ dr, dr.sum(axis=0)\n"
WRONG = (
    Wrong("no cache returned", "before the cache|cache missing", "    return y, (x, h, y, W)\n", "    return y\n"),
    Wrong("a mean over all entries", "a mean in place of a sum|all entries", "    return (e**2).sum() / 2 / len(e), e", "    return (e**2).mean() / 2, e"),
    Wrong("W for W.T", "W is taken transposed", "dr1 = (dr2 @ W.T) * (1 - h**2)", "dr1 = (dr2 @ W) * (1 - h**2)"),
    Wrong("no import of numpy", "import numpy as np", "import numpy as np\n", ""),
    Wrong("a cache that is spoiled", "changes its cache", "    return dr1 @ W.T, x.T @ dr1 + h.T @ dr2, dr1.sum(axis=0) + dr2.sum(axis=0)\n",
          "    out = dr1 @ W.T, x.T @ dr1 + h.T @ dr2, dr1.sum(axis=0) + dr2.sum(axis=0)\n    h *= 2\n    return out\n"),
    Wrong("no derivative of the activation", "derivative of the activation is taken as 1", FIRST, FIRST.replace(" * (1 - y**2)", "")),
    Wrong("derivative at the wrong place", "", "dr = dy * (1 - y**2)", "dr = dy * (1 - y)"),
    Wrong("ignores the cotangent", "ignores", "dr = dy * (1 - y**2)", "dr = 1 - y**2"),
    Wrong("transpose", "transpose", "x.T @ dr, ", "dr.T @ x, "),
    Wrong("sign", "the sign", "return dr @ W.T,", "return -dr @ W.T,"),
    Wrong("db not summed", "not summed over the batch", ", dr.sum(axis=0)\n", ", dr\n"),
    Wrong("db a mean", "1/N", ", dr.sum(axis=0)\n", ", dr.mean(axis=0)\n"),
    Wrong("loss without the mean", "sum in place of a mean", "/ 2 / len(e), e", "/ 2, e"),
    Wrong("gradient without the mean", "sum over the batch instead of the mean", "dloss * cache / len(cache)", "dloss * cache"),
    Wrong("no dloss", "ignores", "dloss * cache / len", "cache / len"),
    Wrong("the 2 of the square", "twice", "dloss * cache / len", "2 * dloss * cache / len"),
    Wrong("only the second use of W", "first use of W is missing", "x.T @ dr1 + h.T @ dr2", "h.T @ dr2"),
    Wrong("only the first use of b", "second use of b is missing", "dr1.sum(axis=0) + dr2.sum(axis=0)", "dr1.sum(axis=0)"),
    Wrong("the second activation forgotten", "derivative of the second activation is taken as 1", "dr2 = dy * (1 - y**2)", "dr2 = dy"),
    Wrong("no direction of b", "path of ub is missing", "x @ uW + ub)", "x @ uW)"),
    Wrong("wrong weights of the extrapolation", "", "(4 * fine - coarse) / 3", "2 * fine - coarse"),
    Wrong("a batch size written in", "batch size", "dloss * cache / len(cache)", "dloss * cache / 6"),
    Wrong("an epsilon", "almost right", "dr = dy * (1 - y**2)", "dr = dy * (1 - y**2 + 1e-8)"),
    Wrong("the misprint kept", "form as printed", "q * np.abs(slope)", "q * slope"),
    Wrong("writes into its input", "writes into its input", "    e = pred - target\n", "    pred -= target\n    e = pred\n"),
)  # fmt: skip

BANK = Bank("gradients", RIGHT, WRONG)
