"""The masked autoregressive layer whose conditioner is a Transformer."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigen.core import validate
from minigen.core.contract import Bijection, Cache
from minigen.core.signature import Bound, Count, Size, checked
from minigen.core.tree import const
from minigen.flows.causal_transformer import CausalTransformer
from minigen.flows.key_value import by_patches, by_patches_backward
from minigen.nn.conv import picture_shape


@dataclass(frozen=True, eq=False, repr=False)
class TransformerMAFLayer(Bijection):
    """Autoregressive flow of patches, x -> z in one pass (TarFlow, Zhai et al. 2025).

        z_l = (x_l - mu_l) / sigma_l                            MAF-4, for a patch x_l of P numbers
        log|det dz/dx| = -sum_l sum_p log sigma_lp              MAF-9
        x_l = z_l * sigma_l + mu_l                              MAF-2, one patch at a time

    mu_l and log sigma_l = alpha_l = c w_l, w_l = tanh(r_l / c), are functions of the patches before
    l and of the context. The Jacobian is block triangular, with diagonal blocks on its diagonal.
    The gradients are those of `MAFLayer`, with the network in place of the MADE. The inverse keeps
    keys and values of each patch (`key_value.py`): the work of one pass.

    Shapes: x, z (N, D); order (L, P): order[l] are the columns of the l-th patch, D = L P.
    """

    net: CausalTransformer
    order: Annotated[NDArray, "L P"] = const()
    c: Bound = 2.0

    sequential = "inverse"

    def __post_init__(self) -> None:
        super().__post_init__()
        D = self.net.length * self.net.width
        fits = self.order.shape == (self.net.length, self.net.width)
        if not fits or not np.array_equal(np.sort(self.order, axis=None), np.arange(D)):
            what = f"each of 0 .. {D - 1} once, in {self.net.length} rows of {self.net.width}"
            raise validate.expected("order", what, validate.shown(self.order))

    @classmethod
    @checked
    def init(
        cls, order: Annotated[ArrayLike, "L P"], hidden: Count = 64, blocks: Count = 2,
        heads: Count = 4, *, rng: np.random.Generator, dtype: DTypeLike = np.float32,
        c: Bound = 2.0, context: Size = 0,
    ) -> "TransformerMAFLayer":  # fmt: skip
        """A layer that starts at the identity; order is, for example, from `patches`.

        Parameters
        ----------
        order : (L, P): the columns of each patch, each of 0 .. D-1 once
        hidden : H
        blocks : how many
        heads : a divisor of H
        rng : the generator of the first weights
        dtype : of the parameters
        c : the bound of the log-scales
        context : the number of context columns, 0 for none

        Returns
        -------
        TransformerMAFLayer

        Examples
        --------
        >>> f = mg.flows.TransformerMAFLayer.init(np.arange(6).reshape(3, 2), 8, 1, 2, rng=rng)
        >>> f.forward(np.ones((2, 6), np.float32))[1]
        array([-0., -0.], dtype=float32)
        """
        order = np.asarray(order)
        if not order.size:
            raise validate.expected("order", "at least one column", f"shape {order.shape}")
        length, width = order.shape
        net = CausalTransformer.init(
            length, width, hidden, blocks, heads, rng=rng, dtype=dtype, context=context
        )
        return cls(net, order, c)

    @property
    def context(self) -> int:
        return self.net.context

    @cached_property
    def back(self) -> NDArray:
        """Where each column stands in the order."""
        return np.argsort(self.order, axis=None)

    def cut(self, x: NDArray) -> NDArray:
        """Rows (N, D) as patches (N, L, P)."""
        return x.take(self.order, axis=1)

    def joined(self, patches: NDArray) -> NDArray:
        """Patches (N, L, P) as rows (N, D)."""
        return patches.reshape(len(patches), self.order.size).take(self.back, axis=1)

    def forward(self, x: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        u = self.cut(x)
        h, net = self.net.forward(u, *context)
        w = np.tanh(h[..., 1] / self.c)
        mu, alpha = h[..., 0], self.c * w
        e = np.exp(-alpha)
        z = (u - mu) * e  # MAF-4
        return self.joined(z), -np.einsum("nlp->n", alpha), (z, w, e, net)  # MAF-9

    def backward(self, dz: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        z, w, e, net = cache
        dz = self.cut(dz)
        dx = dz * e  # MAF-4
        dalpha = -dz * z - dlogdet[:, None, None]  # MAF-4, MAF-9
        dh = np.stack([-dx, dalpha * (1 - w * w)], axis=-1)
        dx_net, *dcontext, dnet = self.net.backward(dh, net)
        return self.joined(dx + dx_net), *dcontext, {"net": dnet}  # MAF-4

    def inverse(self, z: NDArray, *context: NDArray) -> tuple[NDArray, NDArray, Cache]:
        y = self.cut(z)
        x, logdet = by_patches(self.net, y, self.solve, *context)
        return self.joined(x), logdet, (x, y, context)

    def inverse_backward(self, dx: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[Any, ...]:
        x, y, context = cache
        dz, *dcontext, dnet = by_patches_backward(
            self.net, x, y, context, self.solve_backward, self.cut(dx), dlogdet
        )
        return self.joined(dz), *dcontext, {"net": dnet}

    def solve(self, h: NDArray, z: NDArray) -> tuple[NDArray, NDArray]:
        """One patch: x_l and log|dx/dz| of each number, from their parameters and z_l."""
        alpha = self.c * np.tanh(h[..., 1] / self.c)
        return z * np.exp(alpha) + h[..., 0], alpha  # MAF-2, MAF-8

    def solve_backward(
        self, h: NDArray, z: NDArray, dx: NDArray, dlogdet: NDArray
    ) -> tuple[NDArray, NDArray]:
        w = np.tanh(h[..., 1] / self.c)
        e = np.exp(self.c * w)
        dalpha = dx * z * e + dlogdet[:, None]  # MAF-2, MAF-8
        return np.stack([dx, dalpha * (1 - w * w)], axis=-1), dx * e


@checked
def patches(shape: Sequence[int], patch: Count) -> NDArray:
    """The columns of each patch of a picture, the patches read row by row.

    Parameters
    ----------
    shape : (H, W, C) of the pictures, which are the rows (N, H W C) of the data
    patch : the side of a patch, a divisor of H and of W

    Returns
    -------
    order : (L, P), L = H W / patch^2 and P = patch^2 C

    Examples
    --------
    >>> mg.flows.patches((2, 4, 1), 2).tolist()
    [[0, 1, 4, 5], [2, 3, 6, 7]]
    """
    height, width, C = picture_shape(shape, 0)
    for side in (height, width):
        if side % patch:
            raise validate.expected("patch", f"a divisor of the sides {height} and {width}", patch)
    columns = np.arange(height * width * C).reshape(height // patch, patch, width // patch, -1)
    return columns.swapaxes(1, 2).reshape(-1, patch * patch * C)
