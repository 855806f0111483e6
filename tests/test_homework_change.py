"""Homework 2: right answers of every kind pass, wrong ones are told what is wrong."""
# ruff: noqa: E501 (edits of source lines stand as they are)

from test_homework_bank import Bank, Wrong

GAUSS = {
    "cholesky": ("", ""),
    "precision": (
        """    u = z @ L
    logp = np.log(np.diagonal(L)).sum() - (u * u).sum(axis=1) / 2
    return logp - z.shape[1] / 2 * np.log(2 * np.pi), (z, u, L)""",
        """    z, u, L = cache
    du = -dlogp[:, None] * u
    return du @ L.T, np.tril(z.T @ du) + dlogp.sum() * np.diag(1 / np.diagonal(L))""",
    ),
    "log diagonal": (
        """    C = np.tril(L, -1) + np.diag(np.exp(np.diagonal(L)))
    u = np.linalg.solve(C, z.T).T
    logp = -(u * u).sum(axis=1) / 2 - np.trace(L) - z.shape[1] / 2 * np.log(2 * np.pi)
    return logp, (u, C)""",
        """    u, C = cache
    v = dlogp[:, None] * np.linalg.solve(C.T, u.T).T
    dL = np.tril(v.T @ u)
    at = np.arange(len(C))
    dL[at, at] = dL[at, at] * C[at, at] - dlogp.sum()
    return -v, dL""",
    ),
}
SAMPLING = (
    "    return x @ W + b, np.full(len(x), np.linalg.slogdet(W)[1]), (x, W)",
    """    z, W = cache
    dW = z.T @ dout + dlogdet.sum() * np.linalg.inv(W).T
    return dout @ W.T, dW, dout.sum(axis=0)""",
)
BEND = {  # m, m', (log m')'
    "arcsinh": ("np.arcsinh(r)", "1 / np.sqrt(1 + r * r)", "-r / (1 + r * r)"),
    "cubic": ("r + r**3 / 3", "1 + r * r", "2 * r / (1 + r * r)"),
    "kink-free leak": ("r + np.tanh(r) / 2", "1.5 - np.tanh(r) ** 2 / 2",
                       "-np.tanh(r) * (1 - np.tanh(r) ** 2) / (1.5 - np.tanh(r) ** 2 / 2)"),
    "logistic sum": ("r + np.log1p(np.exp(r))", "1 + 1 / (1 + np.exp(-r))",
                     "np.exp(-r) / (1 + np.exp(-r)) ** 2 / (1 + 1 / (1 + np.exp(-r)))"),
}  # fmt: skip


def solution(variant):
    m, dm, dlog = BEND[variant["map"]]
    bodies = {
        "chain_forward": f"""    r = z @ W + b
    slope = {dm}
    return {m}, np.log(slope).sum(axis=1) + np.linalg.slogdet(W)[1], (z, r, W)""",
        "chain_backward": f"""    z, r, W = cache
    dr = dy * ({dm}) + dlogdet[:, None] * ({dlog})
    dW = z.T @ dr + dlogdet.sum() * np.linalg.inv(W).T
    return dr @ W.T, dW, dr.sum(axis=0)""",
    }
    if variant["base"] != "cholesky":
        bodies["gauss_forward"], bodies["gauss_backward"] = GAUSS[variant["base"]]
    if variant["direction"] == "sampling":
        bodies["linear_forward"], bodies["linear_backward"] = SAMPLING
    return bodies


RIGHT = {
    "as it stands": (),
    "by the inverse": (
        ("u = np.linalg.solve(L, z.T).T", "u = z @ np.linalg.inv(L).T"),
        ("v = np.linalg.solve(L.T, u.T).T", "v = u @ np.linalg.inv(L)"),
    ),
    "by Sigma": (
        ("dz = -dlogp[:, None] * v", "dz = -(u @ L.T) @ np.linalg.inv(L @ L.T) * dlogp[:, None]"),
    ),
    "row by row": (
        ("np.tril((dlogp[:, None] * v).T @ u)",
         "np.tril(sum(g * np.outer(a, c) for g, a, c in zip(dlogp, v, u)))"),
    ),
    "solving instead of inverting": (
        ("    z = (x - b) @ V\n", "    z = np.linalg.solve(W.T, (x - b).T).T\n"),
        ("    dy = dout @ V.T\n", "    dy = np.linalg.solve(np.linalg.inv(V), dout.T).T\n"),
    ),
    "the determinant itself": (
        ("-np.linalg.slogdet(W)[1])", "-np.log(np.abs(np.linalg.det(W))))"),
    ),
}  # fmt: skip

WRONG = (
    Wrong("no log-determinant of Sigma", ((" - log_det - 0.5", " - 0.5"),),
          "log-determinant of Sigma is missing"),
    Wrong("its sign", ((" - log_det - 0.5", " + log_det - 0.5"),),
          "log-determinant of Sigma has the wrong sign"),
    Wrong("no constant", ((" - 0.5 * z.shape[1] * np.log(2 * np.pi)", ""),), "constant"),
    Wrong("no half", (("-0.5 * (u**2).sum(axis=1)", "-(u**2).sum(axis=1)"),),
          "quadratic form counts twice"),
    Wrong("solved with the transpose", (("u = np.linalg.solve(L, z.T).T", "u = z @ np.linalg.inv(L)"),),
          "transposed"),
    Wrong("no log-det term in dL", ((" - dlogp.sum() * np.diag(1 / np.diagonal(L))", ""),),
          "path through the log-determinant of Sigma is missing"),
    Wrong("the upper triangle kept", (("np.tril((dlogp[:, None] * v).T @ u)", "(dlogp[:, None] * v).T @ u"),),
          "mask"),
    Wrong("transpose of the outer product", (("(dlogp[:, None] * v).T @ u", "u.T @ (dlogp[:, None] * v)"),),
          "transposed"),
    Wrong("cotangent ignored", (("dz = -dlogp[:, None] * v", "dz = -v"),), "ignores"),
    Wrong("sign of dz", (("dz = -dlogp[:, None] * v", "dz = dlogp[:, None] * v"),), "the sign"),
    Wrong("the log-det of the other direction", (("-np.linalg.slogdet(W)[1])", "np.linalg.slogdet(W)[1])"),),
          "wrong sign|the sign"),
    Wrong("no absolute value", (("-np.linalg.slogdet(W)[1])", "-np.log(np.linalg.det(W)))"),), "not finite"),
    Wrong("no log-det term in dW", ((" - dlogdet.sum() * V.T", ""),), "logdet is missing"),
    Wrong("its inverse not transposed", (("- dlogdet.sum() * V.T", "- dlogdet.sum() * V"),), "transposed"),
    Wrong("the inverse not transposed in dy", (("dy = dout @ V.T", "dy = dout @ V"),), ""),
    Wrong("one row's log-det", (("dlogdet.sum() * np.linalg", "dlogdet.mean() * np.linalg"),), "averaged over the batch"),
    Wrong("logdet not through r", ((" - dlogdet[:, None] * r / (1 + r**2)", ""),),
          "logdet is missing|r in logdet is missing|log-det of the elementwise map is missing"),
    Wrong("its sign in the chain", ((" - dlogdet[:, None] * r", " + dlogdet[:, None] * r"),),
          "wrong sign"),
    Wrong("no log-det of the map", ((" - 0.5 * np.log1p(r**2).sum(axis=1)", " + 0 * r[:, 0]"),),
          "is missing"),
    Wrong("no log-det of W", (("np.linalg.slogdet(W)[1] - 0.5 * np", "- 0.5 * np"),),
          "log-det of W is missing"),
    Wrong("the misprint kept", (("logq + ld.sum(axis=0)", "logq + len(ld) * ld[-1]"),),
          "form as printed"),
    Wrong("cache of the last call", (("    return np.arcsinh(r), logdet, (z, r, W)",
                                      "    global Z\n    Z = z\n    return np.arcsinh(r), logdet, (None, r, W)"),
                                     ("    z, r, W = cache\n", "    _, r, W = cache\n    z = Z\n")),
          "another forward|remembers"),
)  # fmt: skip

BANK = Bank("change", RIGHT, WRONG, solution)
