"""Principal components: the linear embedding that a trained one is compared with."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import Count, checked, fields


@dataclass(frozen=True, eq=False, repr=False)
class PCA:
    """The directions of largest variance (Pearson 1901): e = (x - mean) V.

    Shapes: x (N, D), mean (D,), V (D, dims) with orthonormal columns, variance falling.

    Examples
    --------
    >>> x = rng.standard_normal((100, 5))
    >>> pca = mg.metric.PCA.of(x, 2)
    >>> pca, pca.embed(x).shape
    (PCA(5 -> 2), (100, 2))
    """

    mean: Annotated[NDArray, "D"]
    V: Annotated[NDArray, "D K"]
    __post_init__ = fields

    @classmethod
    @checked
    def of(cls, x: ArrayLike, dims: Count) -> "PCA":
        """The first `dims` principal components of data x (N, D).

        Parameters
        ----------
        x : data, (N, D)
        dims : how many components

        Returns
        -------
        PCA

        Examples
        --------
        >>> mg.metric.PCA.of(rng.standard_normal((50, 4)), 2).embed(np.ones((3, 4))).shape
        (3, 2)
        """
        x = validate.array("x", x, ("N", "D"), np.float64)
        dims = validate.integer("dims", dims, 1, min(x.shape))
        mean = x.mean(axis=0)
        _, _, Vt = np.linalg.svd(x - mean, full_matrices=False)
        return cls(mean, Vt[:dims].T)

    @checked
    def embed(self, x: ArrayLike) -> NDArray:
        """(N, dims) coordinates of x (N, D).

        Parameters
        ----------
        x : data, (N, D)

        Returns
        -------
        (N, dims)

        Examples
        --------
        >>> x = rng.standard_normal((50, 4))
        >>> bool(np.allclose(mg.metric.PCA.of(x, 2).embed(x).mean(axis=0), 0))
        True
        """
        return (validate.array("x", x, ("N", len(self.mean))) - self.mean) @ self.V

    def __repr__(self) -> str:
        return f"PCA({self.V.shape[0]} -> {self.V.shape[1]})"
