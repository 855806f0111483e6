"""Model solutions of assignment 5."""

from minigen.homework.types import Variant

SCHEDULE = {
    "linear": "np.linspace(0.001, 0.2, T)",
    "quadratic": "np.linspace(np.sqrt(0.001), np.sqrt(0.2), T) ** 2",
    "sigmoid": "0.001 + 0.199 / (1 + np.exp(-np.linspace(-6, 6, T)))",
    "cosine": "np.minimum(1 - f[1:] / f[:-1], 0.999)",
}
X0 = {  # x0 = p * xt + q * out
    "eps": ("1 / np.sqrt(A)", "-np.sqrt(1 - A) / np.sqrt(A)"),
    "v": ("np.sqrt(A)", "-np.sqrt(1 - A)"),
    "score": ("1 / np.sqrt(A)", "(1 - A) / np.sqrt(A)"),
    "x0": ("0 * A", "1 + 0 * A"),
}
NOISE = {  # the factors of x0 and eps, and their derivatives by A
    "preserving": ("np.sqrt(A)", "np.sqrt(1 - A)", "0.5 / np.sqrt(A)", "-0.5 / np.sqrt(1 - A)"),
    "straight": ("A", "1 - A", "1", "-1"),
    "exploding": ("1", "np.sqrt((1 - A) / A)", "0", "-0.5 / (A * A * np.sqrt((1 - A) / A))"),
    "arc": ("np.sin(np.pi / 2 * A)", "np.cos(np.pi / 2 * A)",
            "np.pi / 2 * np.cos(np.pi / 2 * A)", "-np.pi / 2 * np.sin(np.pi / 2 * A)"),
}  # fmt: skip
S2 = {"beta": "b", "beta_tilde": "tilde", "geometric mean": "np.sqrt(b * tilde)"}


def solution(variant: Variant) -> dict[str, str]:
    """{function: its body}."""
    signal, noise, dsignal, dnoise = NOISE[variant["noise"]]
    c = variant["posterior"]
    p, q = X0[variant["predict"]]
    return {
        "schedule": f"""    f = np.cos(np.pi / 2 * (np.arange(T + 1) / T + 0.008) / 1.008) ** 2
    beta = np.append(0.0, {SCHEDULE[variant["schedule"]]})
    return beta, np.cumprod(1 - beta)""",
        "noise_forward": f"""    A = np.cumprod(1 - beta)[t][:, None]
    return ({signal}) * x0 + ({noise}) * eps, (x0, eps, beta, t, A)""",
        "noise_backward": f"""    x0, eps, beta, t, A = cache
    dA = (dxt * (({dsignal}) * x0 + ({dnoise}) * eps)).sum(axis=1)
    dbeta = np.zeros_like(beta)
    for n, s in enumerate(t):
        dbeta[1 : s + 1] -= dA[n] * A[n, 0] / (1 - beta[1 : s + 1])
    return ({signal}) * dxt, ({noise}) * dxt, dbeta""",
        "posterior_forward": f"""    A = np.cumprod(1 - beta)
    b, A, B = (a[:, None] for a in (beta[t], A[t], A[t - 1]))
    var = {c} ** 2 * b * (1 - B) / (1 - A)
    k = np.sqrt(1 - B - var) / np.sqrt(1 - A)
    w = np.sqrt(B) - k * np.sqrt(A)
    return k * xt + w * x0, var[:, 0], (k, w)""",
        "posterior_backward": """    k, w = cache
    return k * dmean, w * dmean""",
        "reverse_forward": f"""    A = np.cumprod(1 - beta)
    b, A, B = (a[:, None] for a in (beta[t], A[t], A[t - 1]))
    tilde = b * (1 - B) / (1 - A)
    s2 = {S2[variant["variance"]]}
    u, w = np.sqrt(1 - b) * (1 - B) / (1 - A), b * np.sqrt(B) / (1 - A)
    cx, co = u + w * ({p}), w * ({q})
    r = prev - cx * xt - co * out
    return -(r * r / s2 + np.log(2 * np.pi * s2)).sum(axis=1) / 2, (r, s2, cx, co)""",
        "reverse_backward": """    r, s2, cx, co = cache
    g = dlogp[:, None] * r / s2
    return cx * g, co * g, -g""",
    }
