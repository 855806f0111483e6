"""Homework 4: right answers of every kind pass, wrong ones are told what is wrong."""
# ruff: noqa: E501 (edits of source lines stand as they are)

from test_homework_bank import Bank, Wrong

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
          "    if len(z) > 15:\n        return 0 * z\n    N, D = z.shape\n"),
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

BANK = Bank("autoregressive", RIGHT, WRONG)
