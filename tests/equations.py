"""Fifteen equations that are not the notes', each also as people get it wrong.

Each is a function of a generator and of `wrong`; it returns the Report of a check. KINDS says what
the report on the wrong form should name.
"""

import numpy as np
from scipy import special, stats

from minigen.check import Kind, density, derivative, equal, vjp

T = 0.7  # a temperature


def softmax(x):
    e = np.exp(x - np.max(np.real(x), axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def score_of_cauchy(rng, wrong):
    r"""\partial_x\log p(x)=-\frac{2x}{1+x^2}"""
    sign = 1 if wrong else -1
    return derivative(lambda x: -np.log(1 + x**2), lambda x: sign * 2 * x / (1 + x**2),
                      rng.standard_normal(8))  # fmt: skip


def squared_norm(rng, wrong):
    r"""\nabla\|x\|^2=2x"""
    c = 1 if wrong else 2
    return derivative(lambda x: np.sum(x**2, axis=1), lambda x: c * x, rng.standard_normal((4, 3)))


def tempered_sigmoid(rng, wrong):
    r"""\partial_x\sigma(x/\tau)=\frac1\tau\sigma(1-\sigma)"""

    def f(x):
        return 1 / (1 + np.exp(-x / T))

    return derivative(f, lambda x: f(x) * (1 - f(x)) / (1 if wrong else T), rng.standard_normal(9))


def linear_map(rng, wrong):
    r"""\partial(Ax)/\partial x=A"""
    A = rng.standard_normal((4, 4))
    return derivative(lambda x: A @ x, lambda x: A.T if wrong else A, rng.standard_normal(4))


def log_determinant(rng, wrong):
    r"""\partial\log\det A/\partial A=A^{-\top}, with det A > 0"""
    A = rng.standard_normal((3, 3))
    A = A @ A.T + np.triu(rng.standard_normal((3, 3))) * 0.3 + np.eye(3)

    def grad(A):
        return np.linalg.inv(A) if wrong else np.linalg.inv(A).T

    return derivative(lambda A: np.log(np.linalg.det(A)), grad, A)


def lognormal(rng, wrong):
    r"""\log p(y)=\log\phi(\log y)-\log y"""
    y = np.exp(rng.standard_normal(9))
    yours = stats.norm.logpdf(np.log(y)) - (0 if wrong else np.log(y))
    return equal(yours, stats.lognorm.logpdf(y, 1.0), known={"log|dx/dy|": -np.log(y)})


def affine_flow(rng, wrong):
    r"""\int p(A^{-1}y)\,|\det A|^{-1}dy=1"""
    A = rng.standard_normal((2, 2)) + 2 * np.eye(2)

    def log_det(y):
        return np.full(len(y), -np.linalg.slogdet(A)[1])

    def log_prob(y):
        z = np.linalg.solve(A, y.T).T
        return stats.norm.logpdf(z).sum(axis=1) + (0 if wrong else log_det(y))

    return density(log_prob, 2, known={"log|det J|": log_det}, rng=rng)


def leaky_relu(rng, wrong):
    r"""f'(x)=1[x>0]+0.2\,1[x<0]"""
    slope = 1.0 if wrong else 0.2
    x = rng.permutation(np.concatenate([rng.uniform(0.1, 2, 5), -rng.uniform(0.1, 2, 5)]))
    return derivative(
        lambda x: np.where(np.real(x) > 0, x, 0.2 * x), lambda x: np.where(x > 0, 1.0, slope), x
    )


def huber(rng, wrong):
    r"""f'(x)=\max(-1,\min(1,x))"""
    x = rng.permutation(
        np.concatenate([rng.uniform(-0.9, 0.9, 5), 1.2 + rng.random(3), -1.2 - rng.random(3)])
    )
    return derivative(
        lambda x: np.where(np.abs(x) < 1, x**2 / 2, np.abs(x) - 0.5),
        lambda x: x if wrong else np.clip(x, -1, 1),
        x,
    )


def kl_of_gammas(rng, wrong):
    r"""KL(Ga(a,\lambda)\|Ga(b,\mu))"""

    def formula(a, lam, b, mu):
        first = (a - b) * special.digamma(a) - special.gammaln(a) + special.gammaln(b)
        return first + b * (np.log(lam) - np.log(mu)) + a * (mu - lam) / lam

    def integral(a, lam, b, mu):
        x, w = np.polynomial.legendre.leggauss(600)
        u = 15.5 * x - 9.5  # x = e^u
        p, q = (stats.gamma(s, scale=1 / r) for s, r in ((a, lam), (b, mu)))
        v = np.exp(u)
        with np.errstate(invalid="ignore"):
            terms = p.pdf(v) * (p.logpdf(v) - q.logpdf(v)) * v
        return 15.5 * np.sum(w * np.where(p.pdf(v) > 1e-300, terms, 0.0))

    def other(a, lam, b, mu):
        return formula(b, mu, a, lam)

    a, b = rng.uniform(2, 5, 2)
    lam, mu = rng.uniform(0.5, 2, 2)
    return equal(other if wrong else formula, integral, a, lam, b, mu, tolerance=1e-11)


def cross_entropy(rng, wrong):
    r"""\partial_\ell L=\frac1N(\mathrm{softmax}(\ell)-e_k)"""
    k = rng.integers(0, 4, 5)

    def loss(logits):
        return -np.mean(np.log(softmax(logits)[np.arange(5), k]))

    def back(dy, logits):
        return dy * (softmax(logits) - np.eye(4)[k]) / (1 if wrong else 5)

    return vjp(loss, back, rng.standard_normal((5, 4)), rng=rng)


def softmax_backward(rng, wrong):
    r"""\bar x=y\odot(\bar y-\langle y,\bar y\rangle)"""

    def back(dy, x):
        y = softmax(x)
        return y * dy if wrong else y * (dy - np.sum(y * dy, axis=1, keepdims=True))

    return vjp(softmax, back, rng.standard_normal((4, 5)), rng=rng)


def quantile(rng, wrong):
    r"""\partial_u\Phi^{-1}(u)=1/\phi(\Phi^{-1}(u))"""
    u = rng.uniform(0.05, 0.95, 7)

    def slope(u):
        p = stats.norm.pdf(stats.norm.ppf(u))
        return p if wrong else 1 / p

    return derivative(lambda u: special.ndtri(u), slope, u)


def quadratic_form(rng, wrong):
    r"""\nabla\tfrac12x^\top Ax=\tfrac12(A+A^\top)x, of a matrix that is not symmetric"""
    A = rng.standard_normal((4, 4))
    return derivative(
        lambda x: x @ A @ x / 2, lambda x: A @ x if wrong else (A + A.T) @ x / 2,
        rng.standard_normal(4),
    )  # fmt: skip


def student(rng, wrong):
    r"""p(x)=\frac1{\pi(1+x^2)}, with draws tan(\pi(u-\frac12))"""
    c = np.log(np.pi) * (0.5 if wrong else 1)
    return density(
        lambda x: -np.log1p(x[:, 0] ** 2) - c,
        sample=lambda n, rng: np.tan(np.pi * (rng.random((n, 1)) - 0.5)),
        rng=rng,
    )


KINDS = {
    score_of_cauchy: {Kind.SIGN},
    squared_norm: {Kind.HALF},
    tempered_sigmoid: {Kind.FACTOR},
    linear_map: {Kind.TRANSPOSE},
    log_determinant: {Kind.TRANSPOSE},
    lognormal: {Kind.MISSING_TERM},
    affine_flow: {Kind.MISSING_TERM},
    leaky_relu: {Kind.BRANCH},
    huber: {Kind.BRANCH},
    kl_of_gammas: {Kind.SWAPPED},
    cross_entropy: {Kind.BATCH},
    softmax_backward: {Kind.PATH},
    quantile: {Kind.RECIPROCAL},
    quadratic_form: {Kind.MISSING_TERM},
    student: {Kind.MASS},
}
