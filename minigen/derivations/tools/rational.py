"""Identities of the posterior, decided exactly.

With rational sqrt(alpha_t) and sqrt(A_{t-1}) every coefficient of DIF-15 to DIF-23 is rational, if
the noise is measured as n = sqrt(1 - A_t) eps. Both sides of such a line are then quotients of
polynomials; at a random rational point they are equal or they are not, with no rounding between.
"""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Point:
    """Random rational values: a = sqrt(alpha_t), b = sqrt(A_{t-1}), and x_{t-1}, x_t, x_0."""

    a: Fraction
    b: Fraction
    x: Fraction
    xt: Fraction
    x0: Fraction

    @classmethod
    def draw(cls, rng):
        below_one = (Fraction(int(rng.integers(40, 86)), 97) for _ in range(2))
        sign = rng.choice([-1, 1])  # the same for all: no term cancels another by chance
        values = (Fraction(int(sign * rng.integers(100, 400)), 101) for _ in range(3))
        return cls(*below_one, *values)

    @property
    def alpha(self):
        return self.a**2

    @property
    def beta(self):
        return 1 - self.alpha

    @property
    def before(self):
        """1 - A_{t-1}."""
        return 1 - self.b**2

    @property
    def A(self):
        return (self.a * self.b) ** 2

    @property
    def rest(self):
        """1 - A_t."""
        return 1 - self.A

    @property
    def noise(self):
        """sqrt(1 - A_t) eps of DIF-19."""
        return self.xt - self.a * self.b * self.x0

    @property
    def tilde(self):
        """beta_tilde_t in the last form of DIF-18."""
        return self.beta * self.before / self.rest

    @property
    def mu(self):
        """mu_tilde by DIF-20."""
        return self.a * self.before / self.rest * self.xt + self.beta * self.b / self.rest * self.x0

    def bracket(self):
        """The bracket of DIF-15."""
        return (
            (self.x - self.b * self.x0) ** 2 / self.before
            + (self.xt - self.a * self.x) ** 2 / self.beta
            - (self.xt - self.a * self.b * self.x0) ** 2 / self.rest
        )


def differs(left, right):
    """0.0 if two rational numbers are the same, else by how much they are not."""
    return float(abs(left - right))
