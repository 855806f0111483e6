"""Homework 7: right answers of every kind pass, wrong ones are told what is wrong."""
# ruff: noqa: E501 (edits of source lines stand as they are)

from test_homework_bank import Bank, Wrong

RIGHT = {  # (old, new, old, new, ...)
    "as it stands": (),
    "by norms": ("np.sqrt((h**2).sum(axis=1, keepdims=True))", "np.linalg.norm(h, axis=1)[:, None]"),
    "only the active rows": ("    w = 2 * dloss * (g > 0)[:, None] / len(a)\n    return w * (n - p), w * (p - a), w * (a - n)\n",
          "    da, dp, dn = 0 * a, 0 * a, 0 * a\n    on, w = g > 0, 2 * dloss / len(a)\n    da[on], dp[on], dn[on] = (w * (n - p)[on], w * (p - a)[on], w * (a - n)[on])\n    return da, dp, dn\n"),
    "distances by the dot product": ("    d = ((e[:, None] - e[None]) ** 2).sum(axis=2)\n",
          "    s = (e * e).sum(axis=1)\n    d = s[:, None] + s - 2 * e @ e.T\n"),
    "loops": ("    np.add.at(de, pos, dp)\n    np.add.at(de, neg, dn)\n",
          "    for i in range(len(de)):\n        de[pos[i]] += dp[i]\n        de[neg[i]] += dn[i]\n"),
}  # fmt: skip

WRONG = (
    Wrong("the length held fixed", "the length is missing", "(da - a * (a * da).sum(axis=1, keepdims=True)) / length", "da / length"),
    Wrong("no division", "", "keepdims=True)) / length", "keepdims=True))"),
    Wrong("normalised over the batch", "", "np.sqrt((h**2).sum(axis=1, keepdims=True))", "np.sqrt((h**2).sum(axis=0, keepdims=True))"),
    Wrong("not normalised by the root", "root missing", "np.sqrt((h**2).sum(axis=1, keepdims=True))", "(h**2).sum(axis=1, keepdims=True)"),
    Wrong("its sign", "the length has the wrong sign", "(da - a * (a", "(da + a * (a"),
    Wrong("no hinge going back", "derivative of the penalty is taken as 1|not 0 where", "(g > 0)[:, None]", "1.0"),
    Wrong("no hinge", "penalty is not applied", "return np.maximum(g, 0).mean()", "return g.mean()"),
    Wrong("no mean", "sum in place of a mean", "np.maximum(g, 0).mean()", "np.maximum(g, 0).sum()"),
    Wrong("no mean going back", "sum over the batch instead of the mean", "(g > 0)[:, None] / len(a)", "(g > 0)[:, None]"),
    Wrong("no margin", "margin is missing", "sum(axis=1) + margin", "sum(axis=1)"),
    Wrong("a and n exchanged", "has the wrong sign", "((a - p) ** 2).sum(axis=1) - ((a - n) ** 2)",
          "((a - n) ** 2).sum(axis=1) - ((a - p) ** 2)"),
    Wrong("no 2", "half", "w = 2 * dloss", "w = dloss"),
    Wrong("no dloss", "ignores", "w = 2 * dloss *", "w = 2 *"),
    Wrong("sign of dp", "the sign", "w * (p - a), w", "w * (a - p), w"),
    Wrong("a only through the positive", "d\\(a, n\\) is missing", "return w * (n - p),", "return w * (a - p),"),
    Wrong("dp and dn exchanged", "exchanged", "w * (p - a), w * (a - n)", "w * (a - n), w * (p - a)"),
    Wrong("the farthest negative", "", "np.where(same, np.inf, d).argmin", "np.where(same, -1.0, d).argmax"),
    Wrong("labels ignored", "", "np.where(same, np.inf, d)", "np.where(np.eye(len(e), dtype=bool), np.inf, d)"),
    Wrong("rows chosen twice counted once", "indices repeat", "np.add.at(de, pos, dp)", "de[pos] += dp"),
    Wrong("only the anchors", "", "    np.add.at(de, pos, dp)\n    np.add.at(de, neg, dn)\n", ""),
    Wrong("no positives", "e as positives is missing", "    np.add.at(de, pos, dp)\n", ""),
    Wrong("no negatives", "e as negatives is missing", "    np.add.at(de, neg, dn)\n", ""),
    Wrong("counted twice", "e as anchors is counted twice", "    de = de.copy()\n", "    de = 2 * de\n"),
    Wrong("the length unsquared", "form as printed", "np.maximum(dp**2 - dn**2 + 0.2, 0)", "np.maximum(dp - dn + 0.2, 0)"),
    Wrong("float32", "float32", "    return h / length, (h", "    return np.float32(h / length), (h"),
    Wrong("finite numbers only", "nan|not finite", "    return w * (n - p),", "    return w * (n - p) / (g > 0)[:, None],"),
)  # fmt: skip

BANK = Bank("triplet", RIGHT, WRONG)
