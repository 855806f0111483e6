"""Homework 8: right answers of every kind pass, wrong ones are told what is wrong."""
# ruff: noqa: E501 (edits of source lines stand as they are)

from test_homework_bank import Bank, Wrong

RIGHT = {  # (old, new, old, new, ...)
    "as it stands": (),
    "log-softmax": ("np.log(P[y[:, :-1], y[:, 1:]]).sum(axis=1)",
          "(L - np.log(np.exp(L).sum(axis=1, keepdims=True)))[y[:, :-1], y[:, 1:]].sum(axis=1)"),
    "loops for counts": ("    np.add.at(counts, (y[:, :-1], y[:, 1:]), dlogp[:, None])\n",
          "    for n in range(len(y)):\n        for i, j in zip(y[n], y[n, 1:]):\n            counts[i, j] += dlogp[n]\n"),
    "one-hot": ("    dl0 = -dlogp.sum() * p0\n    np.add.at(dl0, y[:, 0], dlogp)\n", "    dl0 = dlogp @ (np.eye(len(p0))[y[:, 0]] - p0)\n"),
    "matrix powers": ("    for _ in range(T - 1):\n        p.append(p[-1] @ P)\n",
          "    for t in range(1, T):\n        p.append(p[0] @ np.linalg.matrix_power(P, t))\n"),
    "arrays for numbers": ("return dx, da, -de.sum(), dr", "return dx, np.array(da), np.array(-de.sum()), np.array(dr)"),
}  # fmt: skip

WRONG = (
    Wrong("x_t-1 forgotten", "is missing", "    e[:, 1:] -= a * x[:, :-1]\n", ""),
    Wrong("no log term", "log term is missing", "(np.log(2 * np.pi * v) + e**2 / v)", "(e**2 / v)"),
    Wrong("sigma for v", "root too many", "    v = np.exp(r)\n    e =", "    v = np.exp(r / 2)\n    e ="),
    Wrong("the quadratic term's sign", "quadratic term has the wrong sign", "np.log(2 * np.pi * v) + e**2 / v)",
          "np.log(2 * np.pi * v) - e**2 / v)"),
    Wrong("a mean over time", "a mean in place of a sum", "/ v).sum(axis=1), (x", "/ v).mean(axis=1), (x"),
    Wrong("x only through its own factor", "x_t-1 is missing", "    dx[:, :-1] -= a * de[:, 1:]\n", ""),
    Wrong("its sign", "x_t-1 has the wrong sign", "    dx[:, :-1] -= a * de", "    dx[:, :-1] += a * de"),
    Wrong("sign of da", "the sign", "da = -(de", "da = (de"),
    Wrong("b not in x_1", "b in x_1 is missing", "da, -de.sum()", "da, -de[:, 1:].sum()"),
    Wrong("no log term in dr", "log term is missing", "(e**2 / v - 1)).sum()", "(e**2 / v)).sum()"),
    Wrong("no half", "twice", "0.5 * (e**2 / v - 1)).sum()", "(e**2 / v - 1)).sum()"),
    Wrong("ignores the cotangent", "ignores", "de = -dlogp[:, None] * e / v", "de = -e / v"),
    Wrong("softmax over the wrong axis", "", "np.exp(L) / np.exp(L).sum(axis=1, keepdims=True)\n    p0",
          "np.exp(L) / np.exp(L).sum(axis=0)\n    p0"),
    Wrong("indices exchanged", "transitions is transposed", "np.log(P[y[:, :-1], y[:, 1:]])", "np.log(P[y[:, 1:], y[:, :-1]])"),
    Wrong("no first factor", "first factor is missing", "logp = np.log(p0[y[:, 0]]) + np.log(P[", "logp = np.log(P["),
    Wrong("repeats counted once", "indices repeat", "    np.add.at(counts, (y[:, :-1], y[:, 1:]), dlogp[:, None])\n",
          "    counts[y[:, :-1], y[:, 1:]] += dlogp[:, None]\n"),
    Wrong("no normaliser", "normaliser is missing", "dL = counts - counts.sum(axis=1, keepdims=True) * P", "dL = counts"),
    Wrong("sign of the softmax", "normaliser has the wrong sign", "counts - counts.sum", "counts + counts.sum"),
    Wrong("transposed", "transpose", "return dL, dl0", "return dL.T, dl0"),
    Wrong("dl0 without dlogp", "ignores", "dl0 = -dlogp.sum() * p0\n    np.add.at(dl0, y[:, 0], dlogp)",
          "dl0 = -len(y) * p0\n    np.add.at(dl0, y[:, 0], 1.0)"),
    Wrong("one step ahead", "", "    p = [np.exp(l0) / np.exp(l0).sum()]\n    for", "    p = [np.exp(l0) / np.exp(l0).sum() @ P]\n    for"),
    Wrong("the product of the marginals", "form as printed", "return p1[:, None] * P", "return np.outer(p1, p1 @ P)"),
    Wrong("variance for its root", "squared: is a root missing", "s = np.zeros_like(noise), np.exp(r / 2)",
          "s = np.zeros_like(noise), np.exp(r)"),
)  # fmt: skip

BANK = Bank("markov", RIGHT, WRONG)
