"""Model solutions of assignment 7."""

from minigen.homework.types import Variant

DISTANCE = {  # the distance, and its derivative by u, along the last axis
    "squared": ("((u - v) ** 2).sum(-1)", "2 * (u - v)"),
    "euclidean": ("np.sqrt(((u - v) ** 2).sum(-1) + 0.01)",
                  "(u - v) / np.sqrt(((u - v) ** 2).sum(-1, keepdims=True) + 0.01)"),
    "cosine": ("1 - (u * v).sum(-1) / (L(u) * L(v))[..., 0]",
               "((u * v).sum(-1, keepdims=True) * u / L(u) ** 2 - v) / (L(u) * L(v))"),
    "pseudo-Huber": ("(np.sqrt(1 + (u - v) ** 2) - 1).sum(-1)",
                     "(u - v) / np.sqrt(1 + (u - v) ** 2)"),
}  # fmt: skip
LOSS = {
    "hinge": ("np.maximum(g, 0)", "(g > 0) * 1.0"),
    "softplus": ("np.logaddexp(0, g)", "1 / (1 + np.exp(-g))"),
    "sharp softplus": ("np.logaddexp(0, 2 * g) / 2", "1 / (1 + np.exp(-2 * g))"),
    "squared softplus": ("np.logaddexp(0, g) ** 2", "2 * np.logaddexp(0, g) / (1 + np.exp(-g))"),
    "squared hinge": ("np.maximum(g, 0) ** 2", "2 * np.maximum(g, 0)"),
}
LENGTH = {  # the length, and its derivative by h
    "euclidean": ("np.sqrt((h * h).sum(axis=1, keepdims=True))", "h / l"),
    "smooth 0.1": ("np.sqrt((h * h).sum(axis=1, keepdims=True) + 0.1)", "h / l"),
    "smooth 0.5": ("np.sqrt((h * h).sum(axis=1, keepdims=True) + 0.5)", "h / l"),
    "root mean square": ("np.sqrt((h * h).mean(axis=1, keepdims=True))", "h / l / h.shape[1]"),
    "shifted": ("1 + np.sqrt((h * h).sum(axis=1, keepdims=True))", "h / (l - 1)"),
    "fourth": ("(h**4).sum(axis=1, keepdims=True) ** 0.25", "(h / l) ** 3"),
}
MINING = {
    "batch hard": "",
    "batch easy": "    np.fill_diagonal(same, False)\n"
    "    pos = np.where(same, d, np.inf).argmin(axis=1)\n",
    "hard positive, semi-hard negative": """    reach = np.take_along_axis(d, pos[:, None], 1)
    for i in range(len(e)):
        out = np.flatnonzero(~same[i])
        beyond = out[d[i, out] > reach[i]]
        neg[i] = beyond[d[i, beyond].argmin()] if len(beyond) else out[d[i, out].argmax()]
""",
}


def solution(variant: Variant) -> dict[str, str]:
    """{function: its body}."""
    d, slope = DISTANCE[variant["distance"]]
    loss, dloss = LOSS[variant["loss"]]
    length, dlength = LENGTH[variant["length"]]
    rows = "len(a)" if variant["reduction"] == "MEAN" else "1"
    tools = f"""    L = lambda u: np.sqrt((u * u).sum(-1, keepdims=True))
    dist, slope = (lambda u, v: {d}), (lambda u, v: {slope})
"""
    return {
        "normalize_forward": f"""    l = {length}
    return h / l, (h, l)""",
        "normalize_backward": f"""    h, l = cache
    return da / l - (da * h).sum(axis=1, keepdims=True) / l**2 * ({dlength})""",
        "triplet_forward": f"""{tools}    g = dist(a, p) - dist(a, n) + margin
    return ({loss}).sum() / {rows}, (a, p, n, g)""",
        "triplet_backward": f"""{tools}    a, p, n, g = cache
    w = (dloss * ({dloss}) / {rows})[:, None]
    return w * (slope(a, p) - slope(a, n)), w * slope(p, a), -w * slope(n, a)""",
        "mine": f"""{tools}    d = dist(e[:, None], e[None])
    same = labels[:, None] == labels
    pos = np.where(same & ~np.eye(len(e), dtype=bool), d, -np.inf).argmax(axis=1)
    neg = np.where(same, np.inf, d).argmin(axis=1)
{MINING[variant["mining"]]}    return pos, neg""",
    }
