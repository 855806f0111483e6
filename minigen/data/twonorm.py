"""Breiman's twonorm: two Gaussian classes in twenty dimensions, whose density is known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.numeric import LOG_2PI
from minigen.core.signature import Count, Size, checked, fields


@dataclass(frozen=True)
class Twonorm:
    """Twonorm (Breiman 1996): N(a, I) or N(-a, I), as likely, with a = (2, .., 2) / sqrt(D).

        log p(x) = -(|x|^2 + 4) / 2 - D/2 log 2 pi + log cosh(a . x)

    The table of that name in the KEEL repository has 7400 rows of D = 20.

    Parameters
    ----------
    features : D

    Examples
    --------
    >>> twonorm = mg.data.Twonorm()
    >>> x = twonorm.sample(5, rng=rng)
    >>> x.shape, twonorm.log_prob(x).shape
    ((5, 20), (5,))
    """

    features: Count = 20
    __post_init__ = fields

    @checked
    def sample(self, n: Size, *, rng: np.random.Generator) -> NDArray:
        """n rows, (n, D).

        Parameters
        ----------
        n : how many
        rng : the generator of the samples

        Returns
        -------
        (n, D)

        Examples
        --------
        >>> mg.data.Twonorm().sample(3, rng=rng).shape
        (3, 20)
        """
        sign = rng.choice((-1.0, 1.0), (n, 1))
        return rng.standard_normal((n, self.features)) + sign * 2 / np.sqrt(self.features)

    @checked
    def log_prob(self, x: ArrayLike) -> NDArray:
        """log p(x) in nats, (N,), for x (N, D).

        Parameters
        ----------
        x : (N, D)

        Returns
        -------
        (N,)

        Examples
        --------
        >>> mg.data.Twonorm().log_prob(np.zeros((1, 20))).round(1)
        array([-20.4])
        """
        x = validate.array("x", x, ("N", self.features), np.float64)
        t = 2 / np.sqrt(self.features) * x.sum(axis=1)
        log_cosh = np.logaddexp(t, -t) - np.log(2)
        return -((x * x).sum(axis=1) + 4 + self.features * LOG_2PI) / 2 + log_cosh
