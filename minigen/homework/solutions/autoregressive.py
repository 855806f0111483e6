"""Model solutions of assignment 4."""

from minigen.homework.solutions import function
from minigen.homework.types import Variant

DEGREES = {
    "cyclic": "1 + np.arange(H) % (D - 1)",
    "blocks": "1 + (np.arange(H) * (D - 1)) // H",
    "falling": "D - 1 - np.arange(H) % (D - 1)",
}
ORDER = {
    "natural": "np.arange(D)",
    "reversed": "np.arange(D)[::-1]",
    "odd first": "np.concatenate([np.arange(1, D, 2), np.arange(0, D, 2)])",
    "even first": "np.concatenate([np.arange(0, D, 2), np.arange(1, D, 2)])",
}
SIGMA = {  # sigma without its floor, and its derivative by a
    "exp": ("np.exp(a)", "np.exp(a)"),
    "softplus": ("np.logaddexp(0, a)", "1 / (1 + np.exp(-a))"),
    "exp of minus": ("np.exp(-a)", "-np.exp(-a)"),
    "bounded": ("np.exp(np.tanh(a))", "np.exp(np.tanh(a)) * (1 - np.tanh(a) ** 2)"),
}


def solution(variant: Variant) -> dict[str, str]:
    """{function: its body}."""
    f, df = function(variant["hidden"], "r")
    sigma, dsigma = SIGMA[variant["sigma"]]
    sigma = f"({sigma} + {variant['floor']})"
    log_sigma, slope = f"np.log({sigma})", f"{dsigma} / {sigma}"
    degrees, order = DEGREES[variant["degrees"]], ORDER[variant["order"]]
    net = f"""    M1, M2 = made_masks(*W1.shape)
    r = INPUT @ (M1 * W1) + b1
    h = {f}
    mu, a = h @ (M2 * Wm) + bm, h @ (M2 * Wa) + ba
    ls = {log_sigma}
"""
    back = f"""    da = dls * ({slope})
    dr = (dmu @ (M2 * Wm).T + da @ (M2 * Wa).T) * {df}
    rest = (M1 * (IN.T @ dr), dr.sum(axis=0), M2 * (h.T @ dmu), dmu.sum(axis=0),
            M2 * (h.T @ da), da.sum(axis=0))
"""
    cache = "(INPUT, z, r, h, a, ls, M1, M2, W1, Wm, Wa)"
    opened = "    IN, z, r, h, a, ls, M1, M2, W1, Wm, Wa = cache\n"
    return {
        "made_masks": f"""    m, order = {degrees}, {order}
    pos = np.empty(D, int)
    pos[order] = np.arange(1, D + 1)
    return np.where(m >= pos[:, None], 1, 0), np.where(pos > m[:, None], 1, 0)""",
        "maf_forward": net.replace("INPUT", "x") + "    z = (x - mu) * np.exp(-ls)\n"
        f"    return z, -ls.sum(axis=1), {cache.replace('INPUT', 'x')}",
        "maf_backward": opened
        + "    dmu, dls = -dz * np.exp(-ls), -dz * z - dlogdet[:, None]\n" + back
        + "    return dr @ (M1 * W1).T + dz * np.exp(-ls), *rest",
        "iaf_forward": net.replace("INPUT", "z") + "    x = z * np.exp(ls) + mu\n"
        f"    return x, ls.sum(axis=1), {cache.replace('INPUT', 'z')}",
        "iaf_backward": opened
        + "    dmu, dls = dx, dx * z * np.exp(ls) + dlogdet[:, None]\n" + back
        + "    return dr @ (M1 * W1).T + dx * np.exp(ls), *rest",
        "maf_inverse": "    x = np.zeros_like(z)\n    for _ in range(z.shape[1]):\n"
        + "".join(f"    {line}\n" for line in net.replace("INPUT", "x").splitlines())
        + "        x = z * np.exp(ls) + mu\n    return x",
        "maf_inverse_fast": f"""    (N, D), H = z.shape, W1.shape[1]
    m, order = {degrees}, {order}
    x, mu, al = np.zeros_like(z), np.tile(bm, (N, 1)), np.tile(ba, (N, 1))
    for p, i in enumerate(order):
        a = al[:, i]
        x[:, i] = z[:, i] * np.exp({log_sigma}) + mu[:, i]
        new, done, todo = np.flatnonzero(m == p + 1), order[: p + 1], order[p + 1 :]
        r = x[:, done] @ W1[np.ix_(done, new)] + b1[new]
        h = {f}
        mu[:, todo] += h @ Wm[np.ix_(new, todo)]
        al[:, todo] += h @ Wa[np.ix_(new, todo)]
    return x""",
    }  # fmt: skip
