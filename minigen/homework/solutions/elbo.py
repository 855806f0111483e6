"""Model solutions of assignment 6."""

from minigen.homework.types import Variant

V = {  # V(r) and V'(r)
    "log": ("np.exp(r)", "np.exp(r)"),
    "softplus": ("np.logaddexp(0, r) + 0.05", "1 / (1 + np.exp(-r))"),
    "log sigma": ("np.exp(2 * r)", "2 * np.exp(2 * r)"),
    "shifted square": ("r * r + 0.1", "2 * r"),
    "logistic": ("1 / (1 + np.exp(-r)) + 0.1", "np.exp(-r) / (1 + np.exp(-r)) ** 2"),
}
SHARE = {"linear": ("v", "np.ones_like(v)"),
         "sigmoid": ("1 / (1 + np.exp(-v))", "w * (1 - w)"),
         "arctan": ("0.5 + np.arctan(v) / np.pi", "1 / (np.pi * (1 + v * v))"),
         "sine": ("(1 + np.sin(v)) / 2", "np.cos(v) / 2"),
         "square": ("v * v", "2 * v")}  # fmt: skip


def solution(variant: Variant) -> dict[str, str]:
    """{function: its body}."""
    (var, dvar), (share, dshare) = V[variant["variance"]], SHARE[variant["between"]]
    s, rows = variant["prior"], "len(v)" if variant["rows"] == "MEAN" else "1"
    return {
        "kl_forward": f"""    r, v1, d = r2, np.exp(l1), m1 - m2
    v2 = {var}
    return (np.log(v2 / v1) - 1 + (v1 + d * d) / v2).sum(axis=1) / 2, (r, v1, v2, d)""",
        "kl_backward": f"""    r, v1, v2, d = cache
    g = dkl[:, None]
    dv2 = g * (1 / v2 - (v1 + d * d) / v2**2) / 2
    return g * d / v2, g * (v1 / v2 - 1) / 2, -g * d / v2, dv2 * ({dvar})""",
        "term_forward": f"""    A = np.cumprod(1 - beta)
    b, At, Ap = (a[:, None] for a in (beta[t], A[t], A[t - 1]))
    tilde = b * (1 - Ap) / (1 - At)
    w = {share}
    s2, d = b**w * tilde ** (1 - w), b / np.sqrt((1 - b) * (1 - At)) * (eps_hat - eps)
    L = (np.log(s2 / tilde) - 1 + (tilde + d * d) / s2).sum() / (2 * {rows})
    return L, (b, tilde, s2, d, w, v, b / np.sqrt((1 - b) * (1 - At)))""",
        "term_backward": f"""    b, tilde, s2, d, w, v, k = cache
    g = dL / {rows}
    dw = g * (1 - (tilde + d * d) / s2) / 2 * np.log(b / tilde)
    return g * k * d / s2, dw * ({dshare})""",
        "decoder_forward": f"""    var, d = {var}, x0 - mean
    return (np.log(2 * np.pi * var) + d * d / var).sum(axis=1) / 2, (r, var, d)""",
        "decoder_backward": f"""    r, var, d = cache
    g = dL0[:, None]
    return -g * d / var, g * (1 - d * d / var) / (2 * var) * ({dvar})""",
        "prior_forward": f"""    s2 = {s} ** 2
    each = np.log(s2 / (1 - A)) - 1 + (1 - A + A * x0 * x0) / s2
    return each.sum(axis=1) / 2, (x0, A, s2)""",
        "prior_backward": """    x0, A, s2 = cache
    g = dLT[:, None] / 2
    return g * 2 * A * x0 / s2, g * (1 / (1 - A) + (x0 * x0 - 1) / s2)""",
    }
