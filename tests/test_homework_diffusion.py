"""Homework 5: right answers of every kind pass, wrong ones are told what is wrong."""
# ruff: noqa: E501 (edits of source lines stand as they are)

from test_homework_bank import Bank, Wrong

RIGHT = {  # (old, new, old, new, ...)
    "as it stands": (),
    "alpha_bar by a loop": ("    return beta, np.cumprod(1 - beta)\n",
          "    A = [1.0]\n    for b in beta[1:]:\n        A.append(A[-1] * (1 - b))\n    return beta, np.array(A)\n"),
    "dbeta by a mask": ("    for n, s in enumerate(t):\n        dbeta[1 : s + 1] -= dA[n] * A[n, 0] / (1 - beta[1 : s + 1])\n",
          "    s = np.arange(len(beta))\n    inside = (1 <= s) & (s <= t[:, None])\n    dbeta -= ((dA * A[:, 0])[:, None] * inside).sum(axis=0) / (1 - beta)\n"),
    "dbeta by a cumulative sum": ("    for n, s in enumerate(t):\n        dbeta[1 : s + 1] -= dA[n] * A[n, 0] / (1 - beta[1 : s + 1])\n",
          "    np.add.at(dbeta, t, dA * A[:, 0])\n    dbeta = -np.cumsum(dbeta[::-1])[::-1] / (1 - beta)\n    dbeta[0] = 0\n"),
    "1 - A by expm1": ("    A = np.cumprod(1 - beta)[t][:, None]\n    return np.sqrt(A)",
          "    A = np.exp(np.cumsum(np.log1p(-beta)))[t][:, None]\n    return np.sqrt(A)"),
}  # fmt: skip

WRONG = (
    Wrong("the schedule from index 0", "", "beta[1:] = np.linspace(0.001, 0.2, T)", "beta[:] = np.linspace(0.001, 0.2, T + 1)"),
    Wrong("a sum for A", "", "return beta, np.cumprod(1 - beta)", "return beta, 1 - np.cumsum(beta)"),
    Wrong("one step late", "reverse order", "return beta, np.cumprod(1 - beta)", "return beta, np.cumprod(1 - beta)[::-1]"),
    Wrong("no square root", "squared: is a root missing", "return np.sqrt(A) * x0 + np", "return A * x0 + np"),
    Wrong("the noise subtracted", "eps has the wrong sign", "np.sqrt(A) * x0 + np.sqrt(1 - A) * eps",
          "np.sqrt(A) * x0 - np.sqrt(1 - A) * eps"),
    Wrong("beta for its cumulative form", "steps s < t in A_t is left out",
          "    A = np.cumprod(1 - beta)[t][:, None]\n    return np.sqrt(A)", "    A = (1 - beta)[t][:, None]\n    return np.sqrt(A)"),
    Wrong("no path through the noise term", "A_t in the noise is missing", "(x0 / np.sqrt(A) - eps / np.sqrt(1 - A))", "(x0 / np.sqrt(A))"),
    Wrong("its sign", "A_t in the noise has the wrong sign", "- eps / np.sqrt(1 - A))", "+ eps / np.sqrt(1 - A))"),
    Wrong("only beta_t itself", "steps s < t in A_t is missing", "dbeta[1 : s + 1] -= dA[n] * A[n, 0] / (1 - beta[1 : s + 1])",
          "dbeta[s] -= dA[n] * A[n, 0] / (1 - beta[s])"),
    Wrong("rows with one t overwrite", "", "dbeta[1 : s + 1] -= dA", "dbeta[1 : s + 1] = -dA"),
    Wrong("beta_0 too", "mask", "dbeta[1 : s + 1] -= dA[n] * A[n, 0] / (1 - beta[1 : s + 1])",
          "dbeta[: s + 1] -= dA[n] * A[n, 0] / (1 - beta[: s + 1])"),
    Wrong("sign of dbeta", "the sign", "dbeta[1 : s + 1] -= dA", "dbeta[1 : s + 1] += dA"),
    Wrong("no half", "twice", "sum(axis=1) / 2\n", "sum(axis=1)\n"),
    Wrong("coefficients exchanged", "", "return u * xt + w * x0,", "return w * xt + u * x0,"),
    Wrong("the variance beta_t", "left out", "(b * (1 - B) / (1 - A))[:, 0], (u, w)", "b[:, 0], (u, w)"),
    Wrong("gradients exchanged", "this is dx0", "return u * dmean, w * dmean", "return w * dmean, u * dmean"),
    Wrong("no log term", "log term is missing", " + 0.5 * np.log(2 * np.pi * s2)", ""),
    Wrong("a mean over columns", "a mean in place of a sum", "+ 0.5 * np.log(2 * np.pi * s2)).sum(axis=1), (r",
          "+ 0.5 * np.log(2 * np.pi * s2)).mean(axis=1), (r"),
    Wrong("the misprint kept", "form as printed", "return xt / np.sqrt(alpha) - (1", "return xt - (1"),
    Wrong("writes into the schedule", "writes into its input", "    A = np.cumprod(1 - beta)[t][:, None]\n    return np.sqrt(A)",
          "    beta[0] = 0\n    A = np.cumprod(1 - beta)[t][:, None]\n    return np.sqrt(A)"),
)  # fmt: skip

BANK = Bank("diffusion", RIGHT, WRONG)
