"""Homework 2: right answers of every kind pass, wrong ones are told what is wrong."""
# ruff: noqa: E501 (edits of source lines stand as they are)

from test_homework_bank import Bank, Wrong

RIGHT = {  # (old, new, old, new, ...)
    "as it stands": (),
    "by the inverse": ("u = np.linalg.solve(L, z.T).T", "u = z @ np.linalg.inv(L).T", "v = np.linalg.solve(L.T, u.T).T",
          "v = u @ np.linalg.inv(L)"),
    "by Sigma": ("dz = -dlogp[:, None] * v", "dz = -(u @ L.T) @ np.linalg.inv(L @ L.T) * dlogp[:, None]"),
    "row by row": ("np.tril((dlogp[:, None] * v).T @ u)", "np.tril(sum(g * np.outer(a, c) for g, a, c in zip(dlogp, v, u)))"),
    "solving instead of inverting": ("    z = (x - b) @ V\n", "    z = np.linalg.solve(W.T, (x - b).T).T\n", "    dy = dout @ V.T\n",
          "    dy = np.linalg.solve(np.linalg.inv(V), dout.T).T\n"),
    "the determinant itself": ("-np.linalg.slogdet(W)[1])", "-np.log(np.abs(np.linalg.det(W))))"),
}  # fmt: skip

WRONG = (
    Wrong("no log-determinant of Sigma", "log-determinant of Sigma is missing", " - log_det - 0.5", " - 0.5"),
    Wrong("its sign", "log-determinant of Sigma has the wrong sign", " - log_det - 0.5", " + log_det - 0.5"),
    Wrong("no constant", "constant", " - 0.5 * z.shape[1] * np.log(2 * np.pi)", ""),
    Wrong("no half", "quadratic form counts twice", "-0.5 * (u**2).sum(axis=1)", "-(u**2).sum(axis=1)"),
    Wrong("solved with the transpose", "transposed", "u = np.linalg.solve(L, z.T).T", "u = z @ np.linalg.inv(L)"),
    Wrong("no log-det term in dL", "path through the log-determinant of Sigma is missing", " - dlogp.sum() * np.diag(1 / np.diagonal(L))",
          ""),
    Wrong("the upper triangle kept", "mask", "np.tril((dlogp[:, None] * v).T @ u)", "(dlogp[:, None] * v).T @ u"),
    Wrong("transpose of the outer product", "transposed", "(dlogp[:, None] * v).T @ u", "u.T @ (dlogp[:, None] * v)"),
    Wrong("cotangent ignored", "ignores", "dz = -dlogp[:, None] * v", "dz = -v"),
    Wrong("sign of dz", "the sign", "dz = -dlogp[:, None] * v", "dz = dlogp[:, None] * v"),
    Wrong("the log-det of the other direction", "wrong sign|the sign", "-np.linalg.slogdet(W)[1])", "np.linalg.slogdet(W)[1])"),
    Wrong("no absolute value", "not finite", "-np.linalg.slogdet(W)[1])", "-np.log(np.linalg.det(W)))"),
    Wrong("no log-det term in dW", "logdet is missing", " - dlogdet.sum() * V.T", ""),
    Wrong("its inverse not transposed", "transposed", "- dlogdet.sum() * V.T", "- dlogdet.sum() * V"),
    Wrong("the inverse not transposed in dy", "W in the product is transposed", "dy = dout @ V.T", "dy = dout @ V"),
    Wrong("one row's log-det", "averaged over the batch", "dlogdet.sum() * np.linalg", "dlogdet.mean() * np.linalg"),
    Wrong("logdet not through r", "logdet is missing|r in logdet is missing|log-det of the elementwise map is missing",
          " - dlogdet[:, None] * r / (1 + r**2)", ""),
    Wrong("its sign in the chain", "wrong sign", " - dlogdet[:, None] * r", " + dlogdet[:, None] * r"),
    Wrong("no log-det of the map", "is missing", " - 0.5 * np.log1p(r**2).sum(axis=1)", " + 0 * r[:, 0]"),
    Wrong("no log-det of W", "log-det of W is missing", "np.linalg.slogdet(W)[1] - 0.5 * np", "- 0.5 * np"),
    Wrong("the misprint kept", "form as printed", "logq + ld.sum(axis=0)", "logq + len(ld) * ld[-1]"),
    Wrong("cache of the last call", "another forward|remembers", "    return np.arcsinh(r), logdet, (z, r, W)",
          "    global Z\n    Z = z\n    return np.arcsinh(r), logdet, (None, r, W)", "    z, r, W = cache\n",
          "    _, r, W = cache\n    z = Z\n"),
)  # fmt: skip

BANK = Bank("change", RIGHT, WRONG)
