"""Homework 4: right answers of every kind pass, wrong ones are told what is wrong."""
# ruff: noqa: E501 (edits of source lines stand as they are)

from test_homework_bank import Bank, Wrong, function

DEGREES = {
    "cyclic": "1 + np.arange(H) % (D - 1)",
    "blocks": "1 + (np.arange(H) * (D - 1)) // H",
    "falling": "D - 1 - np.arange(H) % (D - 1)",
}
ORDER = {
    "natural": "np.arange(D)",
    "reversed": "np.arange(D)[::-1]",
    "odd first": "np.concatenate([np.arange(1, D, 2), np.arange(0, D, 2)])",
}
SIGMA = {  # log sigma and its derivative by a
    "exp": ("a", "np.ones_like(a)"),
    "softplus": ("np.log(np.logaddexp(0, a) + 0.1)",
                 "1 / (1 + np.exp(-a)) / (np.logaddexp(0, a) + 0.1)"),
    "exp of minus": ("-a", "-np.ones_like(a)"),
}  # fmt: skip


def solution(variant):
    f, df = function(variant["hidden"], "r")
    log_sigma, slope = SIGMA[variant["sigma"]]
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


RIGHT = {  # (old, new, old, new, ...)
    "as it stands": (),
    "loops for masks": ("    return (m[None, :] >= pos[:, None]) * 1, (pos[None, :] > m[:, None]) * 1\n",
          "    M1 = np.array([[float(m[k] >= p) for k in range(H)] for p in pos])\n    M2 = np.array([[int(p > m[k]) for p in pos] for k in range(H)])\n    return M1.astype(int), M2\n"),
    "sigma itself": ("    z = (x - mu) * np.exp(-a)\n", "    sigma = np.exp(a)\n    z = (x - mu) / sigma\n", "return z, -a.sum(axis=1),",
          "return z, -np.log(sigma).sum(axis=1),"),
    "einsum": ("M1 * (x.T @ dr)", 'M1 * np.einsum("nd,nh->dh", x, dr)'),
    "other names for the same": ("    return dx + dz * np.exp(-a), *rest\n", "    dx += dz / np.exp(a)\n    return [dx, *rest]\n"),
}  # fmt: skip

UNCOUNTED = ("    z, W1, b1, Wm, bm, Wa, ba = (a.view(np.ndarray) for a in (z, W1, b1, Wm, bm, Wa, ba))\n"
             "    return maf_inverse(z, W1, b1, Wm, bm, Wa, ba)\n")  # fmt: skip
WRONG = (
    Wrong("the slow pass, uncounted", "cannot be counted", "    N, D = z.shape\n", UNCOUNTED),
    Wrong("wrong at a large size", "wrong at a larger one", "    N, D = z.shape\n",
          "    if len(z) > 99:\n        return 0 * z\n    N, D = z.shape\n"),
    Wrong("degrees from 0", "ones too|degrees", "m = np.arange(1, D + 1), 1 + np.arange(H)", "m = np.arange(1, D + 1), np.arange(H)"),
    Wrong("> and >= exchanged", "ones too few", "m[None, :] >= pos", "m[None, :] > pos"),
    Wrong("no strict >", "ones too many", "pos[None, :] > m", "pos[None, :] >= m"),
    Wrong("masks transposed", "transpose", "(pos[None, :] > m[:, None]) * 1", "(pos[None, :] > m[:, None]).T * 1"),
    Wrong("no mask on dW1", "mask", "M1 * (x.T @ dr), M2", "x.T @ dr, M2"),
    Wrong("no mask on dWm", "mask", "M2 * (h.T @ dmu)", "h.T @ dmu"),
    Wrong("no mask going back", "", "dx = dr @ (M1 * W1).T", "dx = dr @ W1.T"),
    Wrong("no log-det term", "logdet is missing", " - dlogdet[:, None]", ""),
    Wrong("no log-det in IAF", "logdet is missing", " + dlogdet[:, None]", ""),
    Wrong("no direct path", "direct x is missing", "dx + dz * np.exp(-a), *rest", "dx, *rest"),
    Wrong("no path through the network", "x in the network is missing", "dx + dz * np.exp(-a), *rest", "dz * np.exp(-a), *rest"),
    Wrong("sign of dmu", "the sign|mu has the wrong sign", "dmu = -dz * np.exp(-a)", "dmu = dz * np.exp(-a)"),
    Wrong("no derivative of tanh", "derivative of the hidden activation is taken as 1", "dr = dh * (1 - h**2)", "dr = dh"),
    Wrong("MAF multiplies by sigma", "log sigma in z has the wrong sign", "z = (x - mu) * np.exp(-a)", "z = (x - mu) * np.exp(a)"),
    Wrong("log-det of the other direction", "wrong sign", "return z, -a.sum(axis=1)", "return z, a.sum(axis=1)"),
    Wrong("mu forgotten", "mu is missing", "z * np.exp(a) + mu, a.sum", "z * np.exp(a), a.sum"),
    Wrong("the inverse in one pass", "column", "    for i in range(z.shape[1]):\n        mu, a", "    for i in range(1):\n        mu, a"),
    Wrong("the slow pass as the fast one", "times the work of one pass", "    N, D = z.shape\n",
          "    return maf_inverse(z, W1, b1, Wm, bm, Wa, ba)\n"),
    Wrong("transposed", "transpose", "M2 * (h.T @ da)", "(M2 * (h.T @ da)).T"),
    Wrong("the density forgotten", "form as printed", "np.exp(-(z**2) / 2) / (sigma * np.sqrt(2 * np.pi))", "z * sigma + mu"),
    Wrong("density of z", "", " / (sigma * np.sqrt", " / (np.sqrt"),
)  # fmt: skip

BANK = Bank("autoregressive", RIGHT, WRONG, solution)
