"""Model solutions of assignment 8."""

from minigen.homework.types import Variant

V = {
    "log": ("np.exp(r)", "v"),
    "softplus": ("np.logaddexp(0, r) + 0.05", "1 / (1 + np.exp(-r))"),
    "log sigma": ("np.exp(2 * r)", "2 * v"),
    "shifted square": ("r * r + 0.1", "2 * r"),
}
STEP = {  # the mean of x_t from u = x_t-1, and its derivatives by u, a and b
    "linear": ("a * u + b", "a", "u", "1"),
    "centred": ("a * (u - b) + b", "a", "u - b", "1 - a"),
    "tanh": ("a * np.tanh(u) + b", "a * (1 - np.tanh(u) ** 2)", "np.tanh(u)", "1"),
    "arctan": ("a * np.arctan(u) + b", "a / (1 + u * u)", "np.arctan(u)", "1"),
}
TABLE = {  # what the softmax is of, and how much of it there is
    "rows": ("L", 1), "columns": ("L.T", 1), "double": ("2 * L", 1), "half": ("L / 2", 1),
    "lazy": ("L", 0.7), "lazy 0.5": ("L", 0.5),
}  # fmt: skip
START = {  # mean and variance of x_1; what they give to da, db and dv
    "from zero": ("b", "v", "0.0", "dm", "df"),
    "half": ("b / 2", "v / 2", "0.0", "dm / 2", "df / 2"),
    "one": ("1 + 0 * b", "v", "0.0", "0.0", "df"),
    "spread": ("b / (1 - a)", "v / (1 - a * a)",
                   "dm * b / (1 - a) ** 2 + df * 2 * a * v / (1 - a * a) ** 2", "dm / (1 - a)",
                   "df / (1 - a * a)"),
    "wide": ("0 * b", "4 * v", "0.0", "0.0", "4 * df"),
}  # fmt: skip


def solution(variant: Variant) -> dict[str, str]:
    """{function: its body}."""
    (v, dv), (m, f, da, db, dvf) = V[variant["variance"]], START[variant["start"]]
    mean, du, dmean_a, dmean_b = STEP[variant["step"]]
    scores, share = TABLE[variant["table"]]
    table = f"""    Q = {scores}
    S = np.exp(Q - Q.max(axis=1, keepdims=True))
    S = S / S.sum(axis=1, keepdims=True)
    P = {1 - share} * np.eye(len(L)) + {share} * S
    p0 = np.exp(l0) / np.exp(l0).sum()
"""
    return {
        "chain_forward": f"""    v = {v}
    m, f = {m}, {f}
    u = x[:, :-1]
    e, e0 = x[:, 1:] - ({mean}), x[:, 0] - m
    logp = -(np.log(2 * np.pi * v) + e * e / v).sum(axis=1) / 2
    return logp - (np.log(2 * np.pi * f) + e0 * e0 / f) / 2, (x, e, e0, a, b, r, v, f)""",
        "chain_backward": f"""    x, e, e0, a, b, r, v, f = cache
    g, dx = dlogp[:, None] * e / v, np.zeros_like(x)
    dm, df = (dlogp * e0 / f).sum(), (dlogp * (e0 * e0 / f - 1)).sum() / (2 * f)
    dx[:, 0] = -dlogp * e0 / f
    dx[:, 1:] -= g
    u = x[:, :-1]
    dx[:, :-1] += g * ({du})
    dv = (dlogp[:, None] * (e * e / v - 1)).sum() / (2 * v) + {dvf}
    return dx, (g * ({dmean_a})).sum() + {da}, (g * ({dmean_b})).sum() + {db}, dv * ({dv})""",
        "discrete_forward": table
        + """    i, j = y[:, :-1], y[:, 1:]
    return np.log(p0[y[:, 0]]) + np.log(P[i, j]).sum(axis=1), (P, S, p0, y)""",
        "discrete_backward": f"""    P, S, p0, y = cache
    dP = np.zeros_like(P)
    np.add.at(dP, (y[:, :-1], y[:, 1:]), dlogp[:, None] / P[y[:, :-1], y[:, 1:]])
    dS = {share} * dP
    dQ = S * (dS - (dS * S).sum(axis=1, keepdims=True))
    hot = np.eye(len(p0))[y[:, 0]]
    return {scores.replace("L", "dQ")}, dlogp @ (hot - p0)""",
        "sample": f"""    v, x = {v}, noise.copy()
    x[:, 0] = {m} + np.sqrt({f}) * noise[:, 0]
    for t in range(1, noise.shape[1]):
        u = x[:, t - 1]
        x[:, t] = {mean} + np.sqrt(v) * noise[:, t]
    return x""",
        "marginals": table
        + """    p = [p0]
    while len(p) < T:
        p.append(p[-1] @ P)
    return np.stack(p)""",
    }
