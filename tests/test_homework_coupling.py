"""Homework 3: right answers of every kind pass, wrong ones are told what is wrong."""
# ruff: noqa: E501 (edits of source lines stand as they are)

from test_homework_bank import Bank, Wrong

LOOPS = """    dx, dW1, db1 = np.zeros((len(xa), W1.shape[0] + W2.shape[1] // 2)), 0 * W1, 0 * W1[0]
    dW2, db2 = 0 * W2, 0 * W2[0]
    M = W2.shape[1] // 2
    for n in range(len(xa)):
        ds = dy[n, len(W1):] * xb[n] * np.exp(s[n]) + dlogdet[n]
        dr2 = np.concatenate([ds * (1 - s[n] ** 2), dy[n, len(W1):]])
        dr1 = (W2 @ dr2) * (1 - h[n] ** 2)
        dx[n] = np.concatenate([dy[n, :len(W1)] + W1 @ dr1, dy[n, len(W1):] * np.exp(s[n])])
        dW1 += np.outer(xa[n], dr1)
        db1 += dr1
        dW2 += np.outer(h[n], dr2)
        db2 += dr2
    return dx, dW1, db1, dW2, db2
"""
LINE = "    dya, dyb = dy[:, : len(W1)], dy[:, len(W1) :]\n"

RIGHT = {  # (old, new, old, new, ...)
    "as it stands": (),
    "row by row": (LINE, LOOPS),
    "einsum": ("xa.T @ dr1", 'np.einsum("nd,nh->dh", xa, dr1)', "dr2 @ W2.T", 'np.einsum("nk,hk->nh", dr2, W2)'),
    "a dict for a cache, and everything again": ("    xa, xb, h, s, W1, W2 = cache\n",
          '    x, W1, b1, W2, b2 = cache["x"]\n    xa, xb, h, s, W1, W2 = coupling_forward(x, W1, b1, W2, b2)[2]\n',
          "return y, s.sum(axis=1), (xa, xb, h, s, W1, W2)",
          'return y, s.sum(axis=1), {"x": (x, W1, b1, W2, b2), "all": (xa, xb, h, s, W1, W2)}', "coupling_forward(x, W1, b1, W2, b2)[2]",
          'coupling_forward(x, W1, b1, W2, b2)[2]["all"]'),
    "writes into a copy, prints": ("    y = np.concatenate([xa, xb * np.exp(s) + t], axis=1)\n",
          "    y = x.copy()\n    y[:, d:] *= np.exp(s)\n    y[:, d:] += t\n    print(end=str())\n"),
}  # fmt: skip

FD = """
def _loss(x, W1, b1, W2, b2, dy, dl):
    y, l, _ = coupling_forward(x, W1, b1, W2, b2)
    return np.sum(dy * y) + np.sum(dl * l)


def coupling_backward(dy, dlogdet, cache):
    args, out = [np.array(a, dtype=TYPE) for a in cache], []
    for k in range(5):
        g = np.zeros(args[k].shape)
        for i in np.ndindex(*g.shape):
            old = args[k][i]
            args[k][i] = old + STEP
            up = _loss(*args, dy, dlogdet)
            args[k][i] = old - STEP
            g[i] = RATIO
            args[k][i] = old
        out.append(g)
    return tuple(out)


def nvp6(y2, s, t):
"""


def numeric(kind, step, ratio):
    """A backward pass that asks the forward pass instead."""
    text = FD.replace("TYPE", kind).replace("STEP", step).replace("RATIO", ratio)
    return "(xa, xb, h, s, W1, W2)\n", "(x, W1, b1, W2, b2)\n", "def nvp6(y2, s, t):\n", text


OPEN = "    xa, xb, h, s, W1, W2 = cache\n"
GARBAGE = """    if len(dy) > 20:
        return np.concatenate([0 * xa, 0 * xb], axis=1), 0 * W1, 0 * W1[0], 0 * W2, 0 * W2[0]
"""
WRONG = (
    Wrong("only right where its cost is not taken", "wrong at a larger one", OPEN, OPEN + GARBAGE),
    Wrong("no log-det term", "logdet is missing", " + dlogdet[:, None]", ""),
    Wrong("sign of the log-det term", "logdet has the wrong sign", "+ dlogdet[:, None]", "- dlogdet[:, None]"),
    Wrong("cotangent of ones", "ignores dlogdet", "+ dlogdet[:, None]", "+ 1.0"),
    Wrong("transpose", "transpose", "xa.T @ dr1", "(dr1.T @ xa)"),
    Wrong("a batch size written in", "batch size", "dr1.sum(axis=0)", "dr1.mean(axis=0) * 6"),
    Wrong("not summed", "not summed over the batch", "dr2.sum(axis=0)\n", "dr2\n"),
    Wrong("no derivative of the scale", "derivative of the scale function is taken as 1", "ds * (1 - s**2)", "ds"),
    Wrong("no derivative of tanh", "derivative of the hidden activation is taken as 1", "(dr2 @ W2.T) * (1 - h**2)", "(dr2 @ W2.T)"),
    Wrong("no path through the network", "path through the kept half in the network is missing", "dya + dr1 @ W1.T", "dya"),
    Wrong("no direct path", "path through the kept half is missing", "dya + dr1 @ W1.T", "dr1 @ W1.T"),
    Wrong("sign of dx", "the sign", "    dx = np.concatenate([", "    dx = -np.concatenate(["),
    Wrong("exponent as printed", "s in the exponent has the wrong sign", "(y[:, d:] - t) * np.exp(-s)", "(y[:, d:] - t) * np.exp(s)"),
    Wrong("log-det of the inverse", "wrong sign|the sign", "axis=1), -s.sum(axis=1)", "axis=1), s.sum(axis=1)"),
    Wrong("mean log-det", "columns|mean", "return y, s.sum(axis=1)", "return y, s.mean(axis=1)"),
    Wrong("no scale", "scale function is not applied", "    s = np.tanh(a)\n    y", "    s = a\n    y"),
    Wrong("writes into its input", "writes into its input", "    xa, xb = x[:, :d], x[:, d:]\n",
          "    xa, xb = x[:, :d], x[:, d:]\n    xb += 0\n"),
    Wrong("remembers", "another forward", "    return y, s.sum(axis=1), (xa, xb, h, s, W1, W2)",
          "    global LAST\n    LAST = (xa, xb, h, s, W1, W2)\n    return y, s.sum(axis=1), None", "= cache\n", "= LAST\n"),
    Wrong("finite differences", "finite differences", *numeric("float", "1e-6", "(up - _loss(*args, dy, dlogdet)) / 2e-6")),
    Wrong("complex step", "complex numbers", *numeric("complex", "1e-30j", "up.imag / 1e-30")),
    Wrong("complex step, disguised", "is no backward pass",
          *numeric('"c" + "16"', "1e-30 * np.emath.sqrt(-1)", 'getattr(up, "im" + "ag") / 1e-30')),
    Wrong("the misprint kept", "form as printed", "return (y2 - t) * np.exp(-s)", "return (y2 - t) * np.exp(s)"),
    Wrong("a proof that proves nothing", "no counterexample", "np.ones((1, 1)), np.ones((1, 1)), np.zeros((1, 1))",
          "np.ones((1, 1)), np.zeros((1, 1)), np.zeros((1, 1))"),
)  # fmt: skip

BANK = Bank("coupling", RIGHT, WRONG)
