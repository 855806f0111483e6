"""Identities of the posterior, decided exactly.

With rational sqrt(alpha_t) and sqrt(A_{t-1}) every coefficient of DIF-15 to DIF-23 is rational, if
the noise is measured as n = sqrt(1 - A_t) eps. Both sides of such a line are then quotients of
polynomials; at a random rational point they are equal or they are not, with no rounding between.
"""

from fractions import Fraction

import numpy as np


class Point:
    """Random rational values: a = sqrt(alpha_t), b = sqrt(A_{t-1}), x_t and x_0, and what follows.

    before = 1 - A_{t-1}, rest = 1 - A_t, noise = sqrt(1 - A_t) eps of DIF-19, tilde = beta_tilde_t
    in the last form of DIF-18, mu = mu_tilde by DIF-20; x is a value of x_{t-1}.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.a, self.b = (Fraction(int(rng.integers(40, 86)), 97) for _ in range(2))
        sign = rng.choice([-1, 1])  # the same for all: no term cancels another by chance
        self.x, self.xt, self.x0 = (
            Fraction(int(sign * rng.integers(100, 400)), 101) for _ in range(3)
        )
        self.alpha, self.A = self.a**2, (self.a * self.b) ** 2
        self.beta, self.before, self.rest = 1 - self.alpha, 1 - self.b**2, 1 - self.A
        self.noise = self.xt - self.a * self.b * self.x0
        self.tilde = self.beta * self.before / self.rest
        self.mu = (self.a * self.before * self.xt + self.beta * self.b * self.x0) / self.rest

    def bracket(self, x: Fraction | int) -> Fraction:
        """The bracket of DIF-15 at x_{t-1} = x."""
        return (
            (x - self.b * self.x0) ** 2 / self.before
            + (self.xt - self.a * x) ** 2 / self.beta
            - (self.xt - self.a * self.b * self.x0) ** 2 / self.rest
        )


def differs(left: Fraction | int, right: Fraction | int) -> float:
    """0.0 if two rational numbers are the same, else by how much they are not."""
    return float(abs(left - right))
