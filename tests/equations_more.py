"""Thirty-two more equations, right and as people get them wrong: layers, densities, matrices.

Each is a function of a generator and of `wrong`; it returns the Report of a check. KINDS says what
the report on the wrong form names, or None where only that it is wrong is known.
"""

import numpy as np
from scipy import special, stats

from minigen.check import Kind, density, derivative, equal, vjp


def softmax(x):
    e = np.exp(x - np.max(np.real(x), axis=-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def softplus(rng, wrong):
    sign = 1 if wrong else -1
    return derivative(
        lambda x: np.log1p(np.exp(x)), lambda x: 1 / (1 + np.exp(sign * x)), rng.standard_normal(8)
    )


def tanh(rng, wrong):
    return derivative(
        np.tanh, lambda x: 1 - x**2 if wrong else 1 - np.tanh(x) ** 2, rng.standard_normal((3, 4))
    )


def gelu(rng, wrong):
    def Phi(x):
        return stats.norm.cdf(x)

    return derivative(
        lambda x: x * special.ndtr(x),
        lambda x: Phi(x) + (0 if wrong else x * stats.norm.pdf(x)),
        rng.standard_normal(9),
    )


def logsumexp(rng, wrong):
    return derivative(
        lambda x: np.log(np.exp(x).sum(1)),
        lambda x: -softmax(x) if wrong else softmax(x),
        rng.standard_normal((5, 3)),
    )


def elu(rng, wrong):
    x = rng.permutation(np.r_[rng.uniform(0.1, 2, 6), -rng.uniform(0.1, 2, 6)])
    return derivative(
        lambda x: np.where(x.real > 0, x, np.exp(x) - 1),
        lambda x: np.where(x > 0, 1.0, 1.0 if wrong else np.exp(x)),
        x,
    )


def mahalanobis(rng, wrong):
    L = rng.standard_normal((3, 3))
    S = L @ L.T + np.eye(3)
    P = np.linalg.inv(S)
    return derivative(
        lambda x: -np.einsum("ni,ij,nj->n", x, P, x) / 2,
        lambda x: -x @ (S if wrong else P),
        rng.standard_normal((6, 3)),
    )


def inverse_of_a_matrix(rng, wrong):
    def back(d, A):
        B = np.linalg.inv(A).T
        return (1 if wrong else -1) * B @ d @ B

    return vjp(np.linalg.inv, back, rng.standard_normal((3, 3)) + 3 * np.eye(3), rng=rng)


def trace_product(rng, wrong):
    B = rng.standard_normal((3, 3))
    return derivative(
        lambda A: np.trace(A @ B), lambda A: B if wrong else B.T, rng.standard_normal((3, 3))
    )


def log_det_by_cholesky(rng, wrong):
    L = np.tril(rng.standard_normal((4, 4)))
    L[np.diag_indices(4)] = np.exp(rng.standard_normal(4))
    return equal((1 if wrong else 2) * np.log(np.diag(L)).sum(), np.linalg.slogdet(L @ L.T)[1])


def entropy_of_gaussian(rng, wrong):
    s = np.exp(rng.standard_normal(6))
    return equal(
        np.log(s) + (0.5 * np.log(2 * np.pi) if wrong else 0.5 * np.log(2 * np.pi * np.e)),
        stats.norm(scale=s).entropy(),
    )


def kl_of_gaussians(rng, wrong):
    def f(m, s, n, t):
        return np.log(t / s) + (s**2 + (m - n) ** 2) / (2 * t**2) - 0.5

    def g(m, s, n, t):
        return f(n, t, m, s)

    def num(m, s, n, t):
        x, q = np.polynomial.hermite_e.hermegauss(40)
        z = m + s * x
        return np.sum(q * (stats.norm.logpdf(z, m, s) - stats.norm.logpdf(z, n, t))) / np.sqrt(
            2 * np.pi
        )

    return equal(
        g if wrong else f,
        num,
        rng.normal(),
        np.exp(rng.normal() / 2),
        rng.normal(),
        np.exp(rng.normal() / 2),
        tolerance=1e-11,
    )


def logit_normal(rng, wrong):
    def lp(y):
        x = np.log(y / (1 - y))
        return (stats.norm.logpdf(x) + (0 if wrong else -np.log(y * (1 - y))))[:, 0]

    return density(
        lp, 1, low=0, high=1, known={"log|dx/dy|": lambda y: -np.log(y * (1 - y))[:, 0]}, rng=rng
    )


def student_t(rng, wrong):
    nu, s = 4.0, 2.5
    return density(
        lambda x: (stats.t.logpdf(x / s, nu) - (0 if wrong else np.log(s)))[:, 0],
        1,
        rng=rng,
        known={"log scale": lambda x: np.full(len(x), -np.log(s))},
    )


def gamma_by_its_rate(rng, wrong):
    a, b = 3.0, 2.0
    return density(
        lambda x: stats.gamma.logpdf(x[:, 0], a, scale=1 / b),
        1,
        low=0,
        high=np.inf,
        sample=lambda n, g: g.gamma(a, b if wrong else 1 / b, (n, 1)),
        rng=rng,
    )


def bivariate_gaussian(rng, wrong):
    L = np.array([[1.2, 0], [0.5, 0.7]])

    def lp(x):
        z = np.linalg.solve(L, x.T).T
        return (
            -np.sum(z**2, 1) / 2
            - (0.5 if wrong else 1) * np.log(2 * np.pi)
            - np.log(np.diag(L)).sum()
        )

    return density(lp, 2, rng=rng)


def squared_error(rng, wrong):
    t = rng.standard_normal((7, 2))
    return vjp(
        lambda y: np.mean(np.sum((y - t) ** 2, 1)),
        lambda d, y: d * 2 * (y - t) / (1 if wrong else 7),
        rng.standard_normal((7, 2)),
        rng=rng,
    )


def binary_cross_entropy(rng, wrong):
    t = rng.integers(0, 2, 6).astype(float)
    return vjp(
        lambda z: np.sum(np.log1p(np.exp(z)) - t * z),
        lambda d, z: d * ((t - 1 / (1 + np.exp(-z))) if wrong else (1 / (1 + np.exp(-z)) - t)),
        rng.standard_normal(6),
        rng=rng,
    )


def layer_norm(rng, wrong):
    def f(x):
        c = x - x.mean(1, keepdims=True)
        return c / np.sqrt((c**2).mean(1, keepdims=True) + 1e-5)

    def back(d, x):
        c = x - x.mean(1, keepdims=True)
        s = np.sqrt((c**2).mean(1, keepdims=True) + 1e-5)
        y = c / s
        return (
            d - d.mean(1, keepdims=True) - (0 if wrong else y * (d * y).mean(1, keepdims=True))
        ) / s

    return vjp(f, back, rng.standard_normal((4, 6)), rng=rng)


def variance_of_a_batch(rng, wrong):
    def f(x):
        c = x - x.mean(0)
        return np.sum(c**2, 0) / len(x)

    return vjp(
        f,
        lambda d, x: d * 2 * (x - x.mean(0)) / (len(x) - (1 if wrong else 0)),
        rng.standard_normal((8, 3)),
        rng=rng,
    )


def attention(rng, wrong):
    K, V = rng.standard_normal((5, 4)), rng.standard_normal((5, 3))

    def f(Q):
        return softmax(Q @ K.T / 2) @ V

    def back(d, Q):
        A = softmax(Q @ K.T / 2)
        dA = d @ V.T
        dS = A * (dA - (dA * A).sum(1, keepdims=True))
        return dS @ K / (1 if wrong else 2)

    return vjp(f, back, rng.standard_normal((6, 4)), rng=rng)


def linear_layer(rng, wrong):
    def back(d, x, W):
        return d @ (W if wrong else W.T), x.T @ d

    return vjp(
        lambda x, W: x @ W, back, rng.standard_normal((5, 4)), rng.standard_normal((4, 4)), rng=rng
    )


def cumulative_sum(rng, wrong):
    return vjp(
        lambda x: np.cumsum(x, 1),
        lambda d, x: np.cumsum(d, 1) if wrong else np.cumsum(d[:, ::-1], 1)[:, ::-1],
        rng.standard_normal((3, 5)),
        rng=rng,
    )


def convolution(rng, wrong):
    k = rng.standard_normal(3)
    return vjp(
        lambda x: np.convolve(x, k),
        lambda d, x: np.correlate(d, k[::-1] if wrong else k, "valid"),
        rng.standard_normal(9),
        rng=rng,
    )


def weight_norm(rng, wrong):
    g = 1.7

    def f(v):
        return g * v / np.sqrt(np.sum(v**2))

    def back(d, v):
        n = np.sqrt(np.sum(v**2))
        return g / n * (d - (0 if wrong else v * np.sum(v * d) / n**2))

    return vjp(f, back, rng.standard_normal(6), rng=rng)


def cosine(rng, wrong):
    b = rng.standard_normal(5)

    def f(a):
        return a @ b / np.sqrt(a @ a) / np.sqrt(b @ b)

    def df(a):
        n, m = np.sqrt(a @ a), np.sqrt(b @ b)
        return b / (n * m) - (1 if wrong else a @ b) * a / (n**3 * m)

    return derivative(f, df, rng.standard_normal(5))


def sherman_morrison(rng, wrong):
    A = rng.standard_normal((4, 4)) + 4 * np.eye(4)
    u, v = rng.standard_normal((2, 4))
    B = np.linalg.inv(A)
    s = 1 if wrong else -1
    return equal(
        B + s * np.outer(B @ u, v @ B) / (1 + v @ B @ u),
        np.linalg.inv(A + np.outer(u, v)),
        tolerance=1e-10,
        known={"correction": np.outer(B @ u, v @ B) / (1 + v @ B @ u)},
    )


def determinant_lemma(rng, wrong):
    A = rng.standard_normal((4, 4)) + 4 * np.eye(4)
    u, v = rng.standard_normal((2, 4))
    return equal(
        np.linalg.det(A) * ((0 if wrong else 1) + v @ np.linalg.solve(A, u)),
        np.linalg.det(A + np.outer(u, v)),
        tolerance=1e-10,
        known={"det A": np.linalg.det(A)},
    )


def arcsinh(rng, wrong):
    return derivative(
        np.arcsinh,
        lambda x: np.sqrt(1 + x**2) if wrong else 1 / np.sqrt(1 + x**2),
        rng.standard_normal(7),
    )


def hinge(rng, wrong):
    t = rng.choice([-1.0, 1.0], 10)
    x = rng.uniform(-3, 3, 10)
    x[np.abs(1 - t * x) < 0.05] = 0.0
    return derivative(
        lambda x: np.maximum(0, 1 - t * x),
        lambda x: -t if wrong else np.where(t * x < 1, -t, 0.0),
        x,
    )


def variance_identity(rng, wrong):
    x = rng.standard_normal((9, 4))
    return equal(
        (x**2).mean(0) - (x.mean(0) if wrong else x.mean(0) ** 2),
        x.var(0),
        known={"mean^2": x.mean(0) ** 2},
    )


def poisson_score(rng, wrong):
    k = rng.poisson(4, 8)
    return derivative(
        lambda rate: k * np.log(rate) - rate,
        lambda rate: k / rate if wrong else k / rate - 1,
        rng.uniform(1, 6, 8),
    )


def mean_of_a_diffusion_step(rng, wrong):  # posterior precision
    a, b, ab = 0.9, 0.1, 0.6
    x0, xt = rng.standard_normal((2, 6))
    m = np.sqrt(ab / a) * b / (1 - ab) * x0 + np.sqrt(a) * (1 - ab / a) / (1 - ab) * xt
    eps = (xt - np.sqrt(ab) * x0) / np.sqrt(1 - ab)
    return equal(
        (xt - b / (np.sqrt(1 - ab) if not wrong else (1 - ab)) * eps) / np.sqrt(a),
        m,
        known={"eps": eps},
    )


KINDS = {
    softplus: Kind.ARGUMENT,
    tanh: Kind.ARGUMENT,
    gelu: None,
    logsumexp: Kind.SIGN,
    elu: Kind.BRANCH,
    mahalanobis: None,
    inverse_of_a_matrix: Kind.SIGN,
    trace_product: Kind.TRANSPOSE,
    log_det_by_cholesky: Kind.HALF,
    entropy_of_gaussian: Kind.OFFSET,
    kl_of_gaussians: Kind.SWAPPED,
    logit_normal: Kind.MISSING_TERM,
    student_t: Kind.MISSING_TERM,
    gamma_by_its_rate: Kind.SAMPLES,
    bivariate_gaussian: Kind.MASS,
    squared_error: Kind.BATCH,
    binary_cross_entropy: Kind.SIGN,
    layer_norm: Kind.PATH,
    variance_of_a_batch: Kind.FACTOR,
    attention: Kind.DOUBLE,
    linear_layer: Kind.TRANSPOSE,
    cumulative_sum: Kind.PERMUTED,
    convolution: Kind.PERMUTED,
    weight_norm: Kind.MISSING_TERM,
    cosine: Kind.MISSING_TERM,
    sherman_morrison: Kind.MISSING_TERM,
    determinant_lemma: Kind.MISSING_TERM,
    arcsinh: Kind.RECIPROCAL,
    hinge: Kind.MASK,
    variance_identity: None,
    poisson_score: Kind.OFFSET,
    mean_of_a_diffusion_step: Kind.MISSING_TERM,
}
