"""Model solutions of assignment 3."""

from minigen.homework.solutions import function
from minigen.homework.types import Variant

KEPT = {"second": "slice(0, d)", "first": "slice(D - d, D)", "odd": "slice(0, D, 2)"}
MOVED = {"second": "slice(d, D)", "first": "slice(0, D - d)", "odd": "slice(1, D, 2)"}
FORWARD = {
    "generative": ("xb * np.exp(s) + t", "s.sum(axis=1)"),
    "normalizing": ("(xb - t) * np.exp(-s)", "-s.sum(axis=1)"),
    "shift first": ("(xb + t) * np.exp(s)", "s.sum(axis=1)"),
}
BACKWARD = {
    "generative": ("dyb * xb * np.exp(s) + dl", "dyb", "dyb * np.exp(s)"),
    "normalizing": ("-dyb * (xb - t) * np.exp(-s) - dl", "-dyb * np.exp(-s)", "dyb * np.exp(-s)"),
    "shift first": ("dyb * (xb + t) * np.exp(s) + dl", "dyb * np.exp(s)", "dyb * np.exp(s)"),
}
INVERSE = {
    "generative": ("(xb - t) * np.exp(-s)", "-s.sum(axis=1)"),
    "normalizing": ("xb * np.exp(s) + t", "s.sum(axis=1)"),
    "shift first": ("xb * np.exp(-s) - t", "-s.sum(axis=1)"),
}


def solution(variant: Variant) -> dict[str, str]:
    """{function: its body}."""
    way, half = variant["direction"], variant["half"]
    (h, dh), (g, dg) = function(variant["hidden"], "r"), function(variant["scale"], "q")
    clamp = variant["clamp"]
    net = f"""
    (D, d), y = (x.shape[1], len(W1)), x.copy()
    kept, moved = {KEPT[half]}, {MOVED[half]}
    xa, xb = x[:, kept], x[:, moved]
    r = xa @ W1 + b1
    h = {h}
    a, t = np.split(h @ W2 + b2, 2, axis=1)
    q = a / {clamp}
    s = {clamp} * {g}
"""
    ds, dt, dxb = BACKWARD[way]
    return {
        "coupling_forward": f"""{net}
    y[:, moved] = {FORWARD[way][0]}
    return y, {FORWARD[way][1]}, (kept, moved, xa, xb, r, h, q, s, t, W1, W2)
""",
        "coupling_backward": f"""
    kept, moved, xa, xb, r, h, q, s, t, W1, W2 = cache
    dyb, dl, dx = dy[:, moved], dlogdet[:, None], dy.copy()
    ds, dt = {ds}, {dt}
    d2 = np.concatenate([ds * ({dg}), dt], axis=1)
    d1 = (d2 @ W2.T) * ({dh})
    dx[:, moved] = {dxb}
    dx[:, kept] += d1 @ W1.T
    return dx, xa.T @ d1, d1.sum(axis=0), h.T @ d2, d2.sum(axis=0)
""",
        "coupling_inverse": net.replace("x.copy()", "y.copy()").replace("x.shape", "y.shape")
        .replace("x[:, ", "y[:, ").replace(", y = (", ", x = (")
        + f"""
    x[:, moved] = {INVERSE[way][0]}
    return x, {INVERSE[way][1]}
""",
    }  # fmt: skip
