"""Homework 6: right answers of every kind pass, wrong ones are told what is wrong."""
# ruff: noqa: E501 (edits of source lines stand as they are)

from test_homework_bank import Bank, Wrong

RIGHT = {  # (old, new, old, new, ...)
    "as it stands": (),
    "by precisions": ("    dm1 = g * d / v2\n", "    p = 1 / v2\n    dm1 = g * d * p\n", "0.5 * g * (1 - (v1 + d**2) / v2)",
          "g / 2 - g * (v1 + d**2) * p / 2"),
    "row by row": ("    kl = 0.5 * (r2 - l1 - 1 + (v1 + d**2) / v2).sum(axis=1)\n",
          "    kl = np.array([sum(0.5 * (r2[n] - l1[n] - 1 + (v1[n] + d[n] ** 2) / v2[n])) for n in range(len(d))])\n"),
    "the mean at the end": (".sum() / len(v)\n", ".sum(axis=1).mean()\n", "    g = dL / len(d)\n",
          "    g = np.full((len(d), 1), dL / len(d))\n"),
    "powers": ("np.exp(v * np.log(b) + (1 - v) * np.log(tilde))", "b**v * tilde ** (1 - v)"),
}  # fmt: skip

WRONG = (
    Wrong("the other direction of the KL", "", "(r2 - l1 - 1 + (v1 + d**2) / v2)", "(l1 - r2 - 1 + (v2 + d**2) / v1)"),
    Wrong("no -1", "the -1 is missing", "r2 - l1 - 1 + (v1", "r2 - l1 + (v1"),
    Wrong("no half", "twice|too large by the factor 2", "kl = 0.5 * (r2", "kl = (r2"),
    Wrong("no quadratic term", "m1 - m2 is missing", "(v1 + d**2) / v2).sum(axis=1)\n    return kl", "v1 / v2).sum(axis=1)\n    return kl"),
    Wrong("the log term's sign", "log term has the wrong sign", "(r2 - l1 - 1 +", "(l1 - r2 - 1 +"),
    Wrong("a mean over columns", "a mean in place of a sum", "/ v2).sum(axis=1)\n    return kl", "/ v2).mean(axis=1)\n    return kl"),
    Wrong("dm2 without its sign", "this is dm1|the sign", "v1 / v2 - 1), -dm1,", "v1 / v2 - 1), dm1,"),
    Wrong("no log term in dl1", "log term is missing", "g * (v1 / v2 - 1)", "g * (v1 / v2)"),
    Wrong("no quadratic term in dr2", "quadratic term is missing", "-dm1, 0.5 * g * (1 - (v1 + d**2) / v2)",
          "-dm1, 0.5 * g * (1 - v1 / v2)"),
    Wrong("ignores the cotangent", "ignores", "    g = dkl[:, None]\n", "    g = 1.0\n"),
    Wrong("no mean over the rows", "sum in place of a mean", ".sum() / len(v)\n", ".sum()\n"),
    Wrong("no mean going back", "sum over the batch instead of the mean", "g = dL / len(d)", "g = dL"),
    Wrong("no dL", "ignores", "g = dL / len(d)", "g = 1 / len(d)"),
    Wrong("the weight forgotten going back", "weight of eps - eps_hat is taken as 1", "return g * k * d / s2,", "return g * d / s2,"),
    Wrong("sigma for s2", "log s2 counts half", "return g * k * d / s2,", "return g * k * d / np.sqrt(s2),"),
    Wrong("s^4, as secondary sources have it", "", "+ (tilde + d**2) / s2)", "+ tilde / s2 + d**2 / s2**2)"),
    Wrong("dv without the range of logs", "log s2 by its share is taken as 1", "dlog * (np.log(b) - np.log(tilde))", "dlog"),
    Wrong("its sign", "the sign", "dlog * (np.log(b) - np.log(tilde))", "dlog * (np.log(tilde) - np.log(b))"),
    Wrong("beta_tilde not in dv", "beta_tilde / s2 is missing", "(1 - (tilde + d**2) / s2)\n    return", "(1 - d**2 / s2)\n    return"),
    Wrong("no constant in L_0", "constant", "(np.log(2 * np.pi) + r + d**2", "(r + d**2"),
    Wrong("no log term in dr", "log term is missing", "0.5 * g * (1 - d**2 / var)", "0.5 * g * (-(d**2) / var)"),
    Wrong("no variance term in L_T", "left out", "(A * x0**2 - A - np.log(1 - A))", "(A * x0**2 - np.log(1 - A))"),
    Wrong("A of the mean forgotten", "A in the mean is missing", "(x0**2 - 1 + 1 / (1 - A))", "(-1 + 1 / (1 - A))"),
    Wrong("the misprint kept", "form as printed", "return np.log(a) + np.log(b)", "return np.log(a) * b"),
)  # fmt: skip

BANK = Bank("elbo", RIGHT, WRONG)
