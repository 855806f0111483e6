"""Homework 6: the terms of the ELBO (ELBO-1 to ELBO-18, S-KL), in nats, summed over the columns.

    kl:       KL( N(m1, exp(l1)) || N(m2, V(r2)) ),  diagonal,   $variance
    term:     L_t-1 = KL( q(x_t-1 | x_t, x0) || p(x_t-1 | x_t) ), MEAN over the rows, every t >= 2;
              both means as in DIF-23, with eps in q and eps_hat in p, and for p the variance
              s2 = exp(w log beta_t + (1 - w) log beta_tilde_t),  w = $between
    decoder:  L_0 = -log N(x0 | mean, V(r))
    prior:    L_T = KL( N(sqrt(A) x0, 1 - A) || N(0, s^2) ),  s = $prior,  an A for each entry

m1, l1, m2, r2, x0, eps, eps_hat, v, mean, r, A (N, D); beta (T + 1,) indexed by t, beta[0] = 0;
t (N,) of whole numbers; kl, L0, LT (N,); L a number.
"""

import numpy as np


def kl_forward(m1, l1, m2, r2):
    """Returns kl (N,), cache."""
    ### BEGIN SOLUTION
    v1, v2, d = np.exp(l1), np.exp(r2), m1 - m2
    kl = 0.5 * (r2 - l1 - 1 + (v1 + d**2) / v2).sum(axis=1)
    return kl, (v1, v2, d)
    ### END SOLUTION


def kl_backward(dkl, cache):
    """Returns dm1, dl1, dm2, dr2."""
    ### BEGIN SOLUTION
    v1, v2, d = cache
    g = dkl[:, None]
    dm1 = g * d / v2
    return dm1, 0.5 * g * (v1 / v2 - 1), -dm1, 0.5 * g * (1 - (v1 + d**2) / v2)
    ### END SOLUTION


def term_forward(eps_hat, v, x0, eps, beta, t):
    """Returns L (a number), cache."""
    ### BEGIN SOLUTION
    A = np.cumprod(1 - beta)
    b, At, Ap = beta[t][:, None], A[t][:, None], A[t - 1][:, None]
    tilde = b * (1 - Ap) / (1 - At)
    s2 = np.exp(v * np.log(b) + (1 - v) * np.log(tilde))
    k = b / np.sqrt((1 - b) * (1 - At))
    d = k * (eps_hat - eps)
    L = 0.5 * (np.log(s2 / tilde) - 1 + (tilde + d**2) / s2).sum() / len(v)
    return L, (b, tilde, s2, k, d)
    ### END SOLUTION


def term_backward(dL, cache):
    """Returns deps_hat, dv."""
    ### BEGIN SOLUTION
    b, tilde, s2, k, d = cache
    g = dL / len(d)
    dlog = 0.5 * g * (1 - (tilde + d**2) / s2)
    return g * k * d / s2, dlog * (np.log(b) - np.log(tilde))
    ### END SOLUTION


def decoder_forward(mean, r, x0):
    """Returns L0 (N,), cache."""
    ### BEGIN SOLUTION
    var, d = np.exp(r), x0 - mean
    return 0.5 * (np.log(2 * np.pi) + r + d**2 / var).sum(axis=1), (var, d)
    ### END SOLUTION


def decoder_backward(dL0, cache):
    """Returns dmean, dr."""
    ### BEGIN SOLUTION
    var, d = cache
    g = dL0[:, None]
    return -g * d / var, 0.5 * g * (1 - d**2 / var)
    ### END SOLUTION


def prior_forward(x0, A):
    """Returns LT (N,), cache."""
    ### BEGIN SOLUTION
    LT = 0.5 * (A * x0**2 - A - np.log(1 - A)).sum(axis=1)
    return LT, (x0, A)
    ### END SOLUTION


def prior_backward(dLT, cache):
    """Returns dx0, dA."""
    ### BEGIN SOLUTION
    x0, A = cache
    g = dLT[:, None]
    return g * A * x0, 0.5 * g * (x0**2 - 1 + 1 / (1 - A))
    ### END SOLUTION


def elbo13(a, b):
    """The notes print  log (q(x_T|x_0) / q(x_1|x_0)) . (q(x_1|x_0) / p(x_0|x_1))  (ELBO-13), where
    the log stands before the first factor alone. With a and b for the factors, (N,), both above 0,
    return what it should be.
    """
    ### BEGIN SOLUTION
    return np.log(a) + np.log(b)
    ### END SOLUTION


def elbo13_counterexample():
    """Prove it: return a and b, each (N,), where (log a) b is wrong."""
    ### BEGIN SOLUTION
    return np.ones(1), np.full(1, 2.0)
    ### END SOLUTION
