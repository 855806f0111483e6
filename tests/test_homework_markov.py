"""Homework 8: right answers of every kind pass, wrong ones are told what is wrong."""
# ruff: noqa: E501 (edits of source lines stand as they are)

from test_homework_bank import Bank, Wrong

V = {
    "log": ("np.exp(r)", "v"),
    "softplus": ("np.logaddexp(0, r) + 0.05", "1 / (1 + np.exp(-r))"),
    "log sigma": ("np.exp(2 * r)", "2 * v"),
}
START = {  # mean and variance of x_1; what they give to da, db and dv
    "from zero": ("b", "v", "0.0", "dm", "df"),
    "stationary": ("b / (1 - a)", "v / (1 - a * a)",
                   "dm * b / (1 - a) ** 2 + df * 2 * a * v / (1 - a * a) ** 2", "dm / (1 - a)",
                   "df / (1 - a * a)"),
    "wide": ("0 * b", "4 * v", "0.0", "0.0", "4 * df"),
}  # fmt: skip


def solution(variant):
    (v, dv), (m, f, da, db, dvf) = V[variant["variance"]], START[variant["start"]]
    table = f"""    Q = L{".T" if variant["table"] == "columns" else ""}
    S = np.exp(Q - Q.max(axis=1, keepdims=True))
    S = S / S.sum(axis=1, keepdims=True)
    P = {"0.3 * np.eye(len(L)) + 0.7 * S" if variant["table"] == "lazy" else "S"}
    p0 = np.exp(l0) / np.exp(l0).sum()
"""
    return {
        "chain_forward": f"""    v = {v}
    m, f = {m}, {f}
    e, e0 = x[:, 1:] - a * x[:, :-1] - b, x[:, 0] - m
    logp = -(np.log(2 * np.pi * v) + e * e / v).sum(axis=1) / 2
    return logp - (np.log(2 * np.pi * f) + e0 * e0 / f) / 2, (x, e, e0, a, b, r, v, f)""",
        "chain_backward": f"""    x, e, e0, a, b, r, v, f = cache
    g, dx = dlogp[:, None] * e / v, np.zeros_like(x)
    dm, df = (dlogp * e0 / f).sum(), (dlogp * (e0 * e0 / f - 1)).sum() / (2 * f)
    dx[:, 0] = -dlogp * e0 / f
    dx[:, 1:] -= g
    dx[:, :-1] += a * g
    dv = (dlogp[:, None] * (e * e / v - 1)).sum() / (2 * v) + {dvf}
    return dx, (g * x[:, :-1]).sum() + {da}, g.sum() + {db}, dv * ({dv})""",
        "discrete_forward": table
        + """    i, j = y[:, :-1], y[:, 1:]
    return np.log(p0[y[:, 0]]) + np.log(P[i, j]).sum(axis=1), (P, S, p0, y)""",
        "discrete_backward": f"""    P, S, p0, y = cache
    dP = np.zeros_like(P)
    np.add.at(dP, (y[:, :-1], y[:, 1:]), dlogp[:, None] / P[y[:, :-1], y[:, 1:]])
    dS = {"0.7 * dP" if variant["table"] == "lazy" else "dP"}
    dQ = S * (dS - (dS * S).sum(axis=1, keepdims=True))
    hot = np.eye(len(p0))[y[:, 0]]
    return dQ{".T" if variant["table"] == "columns" else ""}, dlogp @ (hot - p0)""",
        "sample": f"""    v, x = {v}, noise.copy()
    x[:, 0] = {m} + np.sqrt({f}) * noise[:, 0]
    for t in range(1, noise.shape[1]):
        x[:, t] = a * x[:, t - 1] + b + np.sqrt(v) * noise[:, t]
    return x""",
        "marginals": table
        + """    p = [p0]
    while len(p) < T:
        p.append(p[-1] @ P)
    return np.stack(p)""",
    }


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

BANK = Bank("markov", RIGHT, WRONG, solution)
