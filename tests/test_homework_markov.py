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


RIGHT = {
    "as it stands": (),
    "log-softmax": (
        ("np.log(P[y[:, :-1], y[:, 1:]]).sum(axis=1)",
         "(L - np.log(np.exp(L).sum(axis=1, keepdims=True)))[y[:, :-1], y[:, 1:]].sum(axis=1)"),
    ),
    "loops for counts": (
        ("    np.add.at(counts, (y[:, :-1], y[:, 1:]), dlogp[:, None])\n",
         "    for n in range(len(y)):\n        for i, j in zip(y[n], y[n, 1:]):\n"
         "            counts[i, j] += dlogp[n]\n"),
    ),
    "one-hot": (
        ("    dl0 = -dlogp.sum() * p0\n    np.add.at(dl0, y[:, 0], dlogp)\n",
         "    dl0 = dlogp @ (np.eye(len(p0))[y[:, 0]] - p0)\n"),
    ),
    "matrix powers": (("    for _ in range(T - 1):\n        p.append(p[-1] @ P)\n",
                       "    for t in range(1, T):\n        p.append(p[0] @ np.linalg.matrix_power(P, t))\n"),),
    "arrays for numbers": (("return dx, da, -de.sum(), dr", "return dx, np.array(da), np.array(-de.sum()), np.array(dr)"),),
}  # fmt: skip

WRONG = (
    Wrong("x_t-1 forgotten", (("    e[:, 1:] -= a * x[:, :-1]\n", ""),), "is missing"),
    Wrong("no log term", (("(np.log(2 * np.pi * v) + e**2 / v)", "(e**2 / v)"),), "log term is missing"),
    Wrong("sigma for v", (("    v = np.exp(r)\n    e =", "    v = np.exp(r / 2)\n    e ="),), "root too many"),
    Wrong("the quadratic term's sign", (("np.log(2 * np.pi * v) + e**2 / v)", "np.log(2 * np.pi * v) - e**2 / v)"),),
          "quadratic term has the wrong sign"),
    Wrong("a mean over time", (("/ v).sum(axis=1), (x", "/ v).mean(axis=1), (x"),), "a mean in place of a sum"),
    Wrong("x only through its own factor", (("    dx[:, :-1] -= a * de[:, 1:]\n", ""),), "x_t-1 is missing"),
    Wrong("its sign", (("    dx[:, :-1] -= a * de", "    dx[:, :-1] += a * de"),), "x_t-1 has the wrong sign"),
    Wrong("sign of da", (("da = -(de", "da = (de"),), "the sign"),
    Wrong("sign of db", (("da, -de.sum()", "da, de.sum()"),), "the sign"),
    Wrong("b not in x_1", (("da, -de.sum()", "da, -de[:, 1:].sum()"),), "b in x_1 is missing"),
    Wrong("no log term in dr", (("(e**2 / v - 1)).sum()", "(e**2 / v)).sum()"),), "log term is missing"),
    Wrong("no half", (("0.5 * (e**2 / v - 1)).sum()", "(e**2 / v - 1)).sum()"),), "twice"),
    Wrong("a mean over the batch", (("da = -(de[:, 1:] * x[:, :-1]).sum()", "da = -(de[:, 1:] * x[:, :-1]).sum() / len(x)"),), "1/N"),
    Wrong("ignores the cotangent", (("de = -dlogp[:, None] * e / v", "de = -e / v"),), "ignores"),
    Wrong("softmax over the wrong axis", (("np.exp(L) / np.exp(L).sum(axis=1, keepdims=True)\n    p0", "np.exp(L) / np.exp(L).sum(axis=0)\n    p0"),), ""),
    Wrong("indices exchanged", (("np.log(P[y[:, :-1], y[:, 1:]])", "np.log(P[y[:, 1:], y[:, :-1]])"),), "transitions is transposed"),
    Wrong("no first factor", (("logp = np.log(p0[y[:, 0]]) + np.log(P[", "logp = np.log(P["),), "first factor is missing"),
    Wrong("repeats counted once", (("    np.add.at(counts, (y[:, :-1], y[:, 1:]), dlogp[:, None])\n", "    counts[y[:, :-1], y[:, 1:]] += dlogp[:, None]\n"),), "indices repeat"),
    Wrong("no normaliser", (("dL = counts - counts.sum(axis=1, keepdims=True) * P", "dL = counts"),), "normaliser is missing"),
    Wrong("sign of the softmax", (("counts - counts.sum", "counts + counts.sum"),), "normaliser has the wrong sign"),
    Wrong("transposed", (("return dL, dl0", "return dL.T, dl0"),), "transpose"),
    Wrong("dl0 without dlogp", (("dl0 = -dlogp.sum() * p0\n    np.add.at(dl0, y[:, 0], dlogp)", "dl0 = -len(y) * p0\n    np.add.at(dl0, y[:, 0], 1.0)"),), "ignores"),
    Wrong("one step ahead", (("    p = [np.exp(l0) / np.exp(l0).sum()]\n    for", "    p = [np.exp(l0) / np.exp(l0).sum() @ P]\n    for"),), ""),
    Wrong("the product of the marginals", (("return p1[:, None] * P", "return np.outer(p1, p1 @ P)"),), "form as printed"),
    Wrong("variance for its root", (("s = np.zeros_like(noise), np.exp(r / 2)", "s = np.zeros_like(noise), np.exp(r)"),), "squared: is a root missing"),
    Wrong("writes into its input", (("    e = x - b\n", "    x -= b\n    e = x\n"),), "writes into its input"),
    Wrong("float32", (("    return dL, dl0", "    return dL.astype(np.float32), dl0"),), "float32"),
    Wrong("finite differences", (("    de = -dlogp[:, None] * e / v\n",
                                  "    h = 1e-6\n    de = dlogp[:, None] * ((-(e + h)**2 / v / 2) - (-(e - h)**2 / v / 2)) / (2 * h)\n"),),
          "finite differences"),
)  # fmt: skip

BANK = Bank("markov", RIGHT, WRONG, solution)
