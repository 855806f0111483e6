"""Model solutions of assignment 2."""

from minigen.homework.types import Variant

GAUSS = {
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
LINEAR = {
    "sampling": (
        "    return x @ W + b, np.full(len(x), np.linalg.slogdet(W)[1]), (x, W)",
        """    z, W = cache
    dW = z.T @ dout + dlogdet.sum() * np.linalg.inv(W).T
    return dout @ W.T, dW, dout.sum(axis=0)""",
    ),
    "sampling, transposed": (
        "    return x @ W.T + b, np.full(len(x), np.linalg.slogdet(W)[1]), (x, W)",
        """    z, W = cache
    dW = dout.T @ z + dlogdet.sum() * np.linalg.inv(W).T
    return dout @ W, dW, dout.sum(axis=0)""",
    ),
    "sampling, shift first": (
        "    return (x + b) @ W, np.full(len(x), np.linalg.slogdet(W)[1]), (x + b, W)",
        """    u, W = cache
    du = dout @ W.T
    return du, u.T @ dout + dlogdet.sum() * np.linalg.inv(W).T, du.sum(axis=0)""",
    ),
}
BEND = {  # m, m', (log m')'
    "arcsinh": ("np.arcsinh(r)", "1 / np.sqrt(1 + r * r)", "-r / (1 + r * r)"),
    "cubic": ("r + r**3 / 3", "1 + r * r", "2 * r / (1 + r * r)"),
    "kink-free leak": ("r + np.tanh(r) / 2", "1.5 - np.tanh(r) ** 2 / 2",
                       "-np.tanh(r) * (1 - np.tanh(r) ** 2) / (1.5 - np.tanh(r) ** 2 / 2)"),
    "sine": ("r + np.sin(r) / 2", "1 + np.cos(r) / 2", "-np.sin(r) / (2 + np.cos(r))"),
    "logistic sum": ("r + np.log1p(np.exp(r))", "1 + 1 / (1 + np.exp(-r))",
                     "np.exp(-r) / (1 + np.exp(-r)) ** 2 / (1 + 1 / (1 + np.exp(-r)))"),
}  # fmt: skip


def solution(variant: Variant) -> dict[str, str]:
    """{function: its body}."""
    m, dm, dlog = BEND[variant["map"]]
    forward, backward = GAUSS[variant["base"]]
    shifted = f"    z = z - {variant['mean']}\n{forward}"
    if variant["order"] == "affine first":
        chain = f"""    r = z @ W + b
    slope = {dm}
    return {m}, np.log(slope).sum(axis=1) + np.linalg.slogdet(W)[1], (z, r, W)"""
        back = f"""    z, r, W = cache
    dr = dy * ({dm}) + dlogdet[:, None] * ({dlog})
    dW = z.T @ dr + dlogdet.sum() * np.linalg.inv(W).T
    return dr @ W.T, dW, dr.sum(axis=0)"""
    else:
        chain = f"""    r = z
    m, slope = {m}, {dm}
    return m @ W + b, np.log(slope).sum(axis=1) + np.linalg.slogdet(W)[1], (r, m, W)"""
        back = f"""    r, m, W = cache
    dW = m.T @ dy + dlogdet.sum() * np.linalg.inv(W).T
    return (dy @ W.T) * ({dm}) + dlogdet[:, None] * ({dlog}), dW, dy.sum(axis=0)"""
    linear = LINEAR[variant["direction"]]
    return {"gauss_forward": shifted, "gauss_backward": backward, "chain_forward": chain,
            "chain_backward": back, "linear_forward": linear[0],
            "linear_backward": linear[1]}  # fmt: skip
