"""Layers and losses whose forward and backward passes are functions of a homework file.

`mg.fit` takes them like any others. Everything is float64. Each has the field `code`, the file; its
other fields are the arrays that are trained. Such a model is not saved: its code is in your file.
"""

from dataclasses import dataclass
from typing import Annotated, Any, cast

import numpy as np
import scipy
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.contract import Bijection, Cache, Density, Grads, Layer, Loss
from minigen.core.numeric import sigmoid
from minigen.core.signature import Count
from minigen.core.tree import const, param
from minigen.homework.milestones.code import Code
from minigen.nn import Linear, mlp

Weights = dict[str, NDArray]


def named(layer: Layer) -> Weights:
    """The arrays of a layer, by name, in the order of its fields."""
    return {name: array for name, array in layer.params.items() if isinstance(array, np.ndarray)}


def first_layer(n_in: int, n_out: int, rng: np.random.Generator) -> Linear:
    """Start values whose units turn on all over standardised data."""
    net = mlp(n_in, n_out, 1, rng=rng, activation="tanh", dtype=np.float64)
    return cast(Linear, net.layers[0])


@dataclass(frozen=True, eq=False, repr=False)
class OwnLayer(Layer):
    """layer_forward and layer_backward of homework 1: y = f(x W + b).

    Shapes: x (N, D), W (D, M), b (M,) -> y (N, M).
    """

    code: Any
    W: Annotated[NDArray, "D M"] = param()
    b: Annotated[NDArray, "M"] = param()

    def forward(self, x: NDArray) -> tuple[NDArray, Cache]:
        return self.code.forward("layer", [(len(x), len(self.b))], (x, self.W, self.b))

    def backward(self, dy: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        dx, dW, db = self.code.backward("layer", (dy,), cache)
        return dx, {"W": dW, "b": db}


@dataclass(frozen=True, eq=False, repr=False)
class OwnFit(Loss):
    """loss_forward and loss_backward of homework 1 on the outputs of a network.

    Shapes: x (N, D), given target (N, M) -> loss.
    """

    code: Any
    net: Layer

    def draw(self, batch: Any, rng: np.random.Generator) -> tuple[tuple[NDArray], dict[str, Any]]:
        x, target = batch
        return (x,), {"target": target}

    def forward(self, x: NDArray, *, target: NDArray) -> tuple[NDArray, Cache]:
        pred, net = self.net.forward(x)
        loss, own = self.code.forward("loss", [()], (pred,), (target,))
        return loss, (net, own)

    def backward(self, dloss: Any, cache: Cache) -> tuple[NDArray, Grads]:
        net, own = cache
        (dpred,) = self.code.backward("loss", (dloss,), own)
        dx, grads = self.net.backward(dpred, net)
        return dx, {"net": grads}


@dataclass(frozen=True, eq=False, repr=False)
class OwnChain(Bijection):
    """chain_forward and chain_backward of homework 2; it has no inverse.

    Shapes: x, y (N, D); W (D, D), b (D,).
    """

    code: Any
    W: Annotated[NDArray, "D D"] = param()
    b: Annotated[NDArray, "D"] = param()

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        return self.code.forward("chain", [x.shape, (len(x),)], (x, self.W, self.b))

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        dx, dW, db = self.code.backward("chain", (dy, dlogdet), cache)
        return dx, {"W": dW, "b": db}


@dataclass(frozen=True, eq=False, repr=False)
class OwnGauss(Density):
    """gauss_forward and gauss_backward of homework 2: log N(z | m, Sigma), without samples.

    Shapes: z (N, D), L (D, D) -> logp (N,).
    """

    code: Any
    L: Annotated[NDArray, "D D"] = param()

    @property
    def features(self) -> int:
        return len(self.L)

    def forward(self, z: NDArray) -> tuple[NDArray, Cache]:
        return self.code.forward("gauss", [(len(z),)], (z, np.tril(self.L)))

    def backward(self, dlogp: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        dz, dL = self.code.backward("gauss", (dlogp,), cache)
        return dz, {"L": dL}

    def sample(self, n: Count, *, rng: np.random.Generator) -> NDArray:
        """The homework asks for a density alone."""
        raise validate.expected("sample", "a density that can be sampled", "that of homework 2")


@dataclass(frozen=True, eq=False, repr=False)
class OwnCoupling(Bijection):
    """coupling_forward, coupling_backward and coupling_inverse of homework 3.

    Shapes: x, y (N, D); W1 (d, H), b1 (H,), W2 (H, 2 (D - d)), b2 (2 (D - d),), d = (D + 1) // 2.
    """

    code: Any
    W1: Annotated[NDArray, "d H"] = param()
    b1: Annotated[NDArray, "H"] = param()
    W2: Annotated[NDArray, "H K"] = param()
    b2: Annotated[NDArray, "K"] = param()

    @classmethod
    def init(
        cls, code: Code, features: int, hidden: int, *, rng: np.random.Generator
    ) -> "OwnCoupling":
        """Scales and shifts of 0."""
        d = (features + 1) // 2
        first = first_layer(d, hidden, rng)
        n_out = 2 * (features - d)
        return cls(code, first.W, first.b, np.zeros((hidden, n_out)), np.zeros(n_out))

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        inputs = (x, *named(self).values())
        return self.code.forward("coupling", [x.shape, (len(x),)], inputs)

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        dx, *rest = self.code.backward("coupling", (dy, dlogdet), cache)
        return dx, dict(zip(named(self), rest, strict=True))

    def inverse(self, y: NDArray) -> tuple[NDArray, NDArray, Cache]:
        shapes = [y.shape, (len(y),)]
        x, logdet = self.code.value("coupling_inverse", shapes, y, *named(self).values())
        return x, logdet, None


@dataclass(frozen=True, eq=False, repr=False)
class OwnMAF(Bijection):
    """maf_forward, maf_backward and maf_inverse of homework 4.

    Shapes: x, z (N, D); W1 (D, H), b1 (H,), Wm, Wa (H, D), bm, ba (D,).
    """

    sequential = "inverse"

    code: Any
    W1: Annotated[NDArray, "D H"] = param()
    b1: Annotated[NDArray, "H"] = param()
    Wm: Annotated[NDArray, "H D"] = param()
    bm: Annotated[NDArray, "D"] = param()
    Wa: Annotated[NDArray, "H D"] = param()
    ba: Annotated[NDArray, "D"] = param()

    @classmethod
    def init(cls, code: Code, features: int, hidden: int, *, rng: np.random.Generator) -> "OwnMAF":
        """Outputs of 0."""
        first, H, D = first_layer(features, hidden, rng), hidden, features
        zeros = (np.zeros((H, D)), np.zeros(D), np.zeros((H, D)), np.zeros(D))
        return cls(code, first.W, first.b, *zeros)

    def forward(self, x: NDArray) -> tuple[NDArray, NDArray, Cache]:
        inputs = (x, *named(self).values())
        return self.code.forward("maf", [x.shape, (len(x),)], inputs)

    def backward(self, dz: NDArray, dlogdet: NDArray, cache: Cache) -> tuple[NDArray, Grads]:
        dx, *rest = self.code.backward("maf", (dz, dlogdet), cache)
        return dx, dict(zip(named(self), rest, strict=True))

    def inverse(self, z: NDArray) -> tuple[NDArray, NDArray, Cache]:
        (x,) = self.code.value("maf_inverse", [z.shape], z, *named(self).values())
        return x, -self.forward(x)[1], None


@dataclass(frozen=True, eq=False, repr=False)
class OwnReverse(Loss):
    """reverse_forward and reverse_backward of homework 5 on its own schedule.

        loss = mean over rows and t = 2..T of -log p(x_{t-1} | x_t)

    Shapes: given xt, prev (N, D), t (N,); beta, alpha_bar (T + 1,).
    """

    code: Any
    net: Layer
    beta: Annotated[NDArray, "T"] = const()
    alpha_bar: Annotated[NDArray, "T"] = const()

    def draw(self, batch: Any, rng: np.random.Generator) -> tuple[tuple[()], dict[str, Any]]:
        t = rng.integers(2, len(self.beta), len(batch))
        before, b = self.alpha_bar[t - 1][:, None], self.beta[t][:, None]
        eps, more = rng.standard_normal((2, *batch.shape))
        prev = np.sqrt(before) * batch + np.sqrt(1 - before) * eps
        return (), {"xt": np.sqrt(1 - b) * prev + np.sqrt(b) * more, "prev": prev, "t": t}

    def forward(self, *, xt: NDArray, prev: NDArray, t: NDArray) -> tuple[NDArray, Cache]:
        out, net = self.net.forward(xt, t=t)
        inputs, given = (xt, out, prev), (self.beta, t)
        logp, own = self.code.forward("reverse", [(len(xt),)], inputs, given)
        return -logp.mean(), (net, own, len(xt))

    def backward(self, dloss: Any, cache: Cache) -> tuple[Grads]:
        net, own, N = cache
        _, dout, _ = self.code.backward("reverse", (np.full(N, -dloss / N),), own)
        return ({"net": self.net.backward(dout, net)[-1]},)

    def step(self, xt: NDArray, t: int, rng: np.random.Generator) -> NDArray:
        """x_{t-1} from x_t, by your gradient alone: dprev = (mean - prev) / s2 is a line in prev,
        and its values at 0 and 1 tell the mean and the variance."""
        times, ones = np.full(len(xt), t), np.ones(len(xt))
        out, _ = self.net.forward(xt, t=times)
        at_0, at_1 = (
            self.code.backward("reverse", (ones,), self.code.forward(
                "reverse", [(len(xt),)], (xt, out, np.full_like(xt, k)), (self.beta, times))[-1])[2]
            for k in (0.0, 1.0)
        )  # fmt: skip
        variance = 1 / (at_0 - at_1)
        return variance * at_0 + np.sqrt(variance) * rng.standard_normal(xt.shape)


def in_its_interval(x: NDArray, top: int, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """A number u drawn in the interval of each whole number x of 0..top, and log q(u | x).

    Around k it is k - 1/2 .. k + 1/2, where u is uniform. As in the decoder of Ho et al. (2020),
    that of 0 is all below 1/2 and that of top all above: there u is of a normal that is cut off.
    So log P(x) = log int p(u) du >= E_q[log p(u) - log q(u | x)] for any density p.
    """
    far, wide = 2.0, 1.5  # how far out the normal has its middle, and its standard deviation
    inside = rng.random(x.shape)
    mass = scipy.special.ndtr((far + 0.5) / wide)
    z = scipy.special.ndtri(mass * inside)
    low, high = x == 0, x == top
    u = np.where(low, wide * z - far, np.where(high, top + far - wide * z, x - 0.5 + inside))
    logq = -0.5 * z * z - np.log(np.sqrt(2 * np.pi) * wide * mass)
    return u, np.where(low | high, logq, 0.0)


@dataclass(frozen=True, eq=False, repr=False)
class OwnBound(Loss):
    """term, decoder and prior of homework 6: the negative ELBO of whole numbers, one time a row.

        loss = 1/N sum_n T L_{t_n - 1} + mean of L_T
        L_0 = decoder(u) + log q(u | x),  u in the interval of x (`in_its_interval`)
        net(x_t, t) = (w, r),   eps_hat = sqrt(A_t) w + sqrt(1 - A_t) x_t,   v = sigmoid(r)

    The data are whole numbers 0..levels-1; x0 is where they lie on -1..1. The decoder sees them,
    and its mean, in units of `unit` levels around the middle.
    Shapes: given x0, eps, u, logq (N, D), t (N,); beta (T + 1,).
    """

    code: Any
    net: Layer
    levels: int
    beta: Annotated[NDArray, "T"] = const()

    unit = 4.0  # V(r) of every variant reaches from one level to the whole range

    @property
    def T(self) -> int:
        """The number of steps."""
        return len(self.beta) - 1

    @property
    def alpha_bar(self) -> NDArray:
        """A_t, (T + 1,)."""
        return np.cumprod(1 - self.beta)

    @property
    def scale(self) -> float:
        """Half the range of the data, in units of the decoder."""
        return (self.levels - 1) / 2 / self.unit

    def laid_out(self, x: NDArray, rng: np.random.Generator) -> dict[str, NDArray]:
        """x0, u and logq of whole numbers."""
        u, logq = in_its_interval(x, self.levels - 1, rng)
        middle = (self.levels - 1) / 2
        return {"x0": x / middle - 1, "u": (u - middle) / self.unit,
                "logq": logq + np.log(self.unit)}  # fmt: skip

    def draw(self, batch: Any, rng: np.random.Generator) -> tuple[tuple[()], dict[str, Any]]:
        t, eps = rng.integers(1, self.T + 1, len(batch)), rng.standard_normal(batch.shape)
        return (), {**self.laid_out(batch, rng), "t": t, "eps": eps}

    def forward(self, *, x0: NDArray, t: NDArray, eps: NDArray, u: NDArray,
                logq: NDArray) -> tuple[NDArray, Cache]:  # fmt: skip
        sums, cache = self.terms(x0, t, eps, u, logq)
        A = np.full_like(x0, self.alpha_bar[-1])
        LT, _ = self.code.forward("prior", [(len(x0),)], (x0, A))
        return self.T * sum(sums.values()) / len(x0) + LT.mean(), cache  # L_T is not trained

    def terms(
        self, x0: NDArray, t: NDArray, eps: NDArray, u: NDArray, logq: NDArray
    ) -> tuple[dict[str, NDArray], tuple[Any, ...]]:
        """The sum of the terms of the rows with t > 1, and with t = 1; and their caches."""
        A = self.alpha_bar[t][:, None]
        eps_hat, r, net = self.predicted(np.sqrt(A) * x0 + np.sqrt(1 - A) * eps, t)
        v = sigmoid(r)  # between the two variances
        sums, caches = {}, {}
        for name, k in (("term", np.flatnonzero(t > 1)), ("decoder", np.flatnonzero(t == 1))):
            if not len(k):
                continue
            if name == "term":
                inputs, given = (eps_hat[k], v[k]), (x0[k], eps[k], self.beta, t[k])
                L, own = self.code.forward(name, [()], inputs, given)
                sums[name] = L * self.rows(len(k))
            else:
                mean = np.sqrt(A[k]) * x0[k] + np.sqrt(1 - A[k]) * (eps[k] - eps_hat[k])
                inputs = (self.scale * mean / np.sqrt(A[k]), r[k])
                L0, own = self.code.forward(name, [(len(k),)], inputs, (u[k],))
                sums[name] = L0.sum() + logq[k].sum()
            caches[name] = (k, own)
        return sums, (net, caches, A, v)

    def predicted(self, xt: NDArray, t: NDArray) -> tuple[NDArray, NDArray, Cache]:
        """eps_hat, r, and the cache of the network."""
        A = self.alpha_bar[t][:, None]
        h, net = self.net.forward(xt, t=t)
        w, r = np.split(h, 2, axis=1)
        return np.sqrt(A) * w + np.sqrt(1 - A) * xt, r, net

    def rows(self, n: int) -> int:
        """What turns the variant's L_t-1 of n rows into their sum."""
        return n if self.code.variant["rows"] == "MEAN" else 1

    def backward(self, dloss: Any, cache: Cache) -> tuple[Grads]:
        net, caches, A, v = cache
        N, deps_hat, dr = len(A), np.zeros_like(v), np.zeros_like(v)
        for name, (k, own) in caches.items():
            if name == "term":
                each = dloss * self.T / N * self.rows(len(k))
                deps_hat[k], dv = self.code.backward(name, (each,), own)
                dr[k] = dv * v[k] * (1 - v[k])
            else:
                each = np.full(len(k), dloss * self.T / N)
                dmean, dr[k] = self.code.backward(name, (each,), own)
                deps_hat[k] = -self.scale * np.sqrt((1 - A[k]) / A[k]) * dmean
        dh = np.concatenate([np.sqrt(A) * deps_hat, dr], axis=1)
        return ({"net": self.net.backward(dh, net)[-1]},)

    def step(self, xt: NDArray, t: int, rng: np.random.Generator) -> NDArray:
        """x_{t-1} from x_t. Its variance is in your gradient: deps_hat = k^2 (eps_hat - eps) / s2,
        so at eps = eps_hat - 1 it is k^2 / s2."""
        N, A = len(xt), self.alpha_bar[t]
        eps_hat, r, _ = self.predicted(xt, np.full(N, t))
        if t == 1:
            return (xt - np.sqrt(1 - A) * eps_hat) / np.sqrt(A)
        b = self.beta[t]
        k = b / np.sqrt((1 - b) * (1 - A))
        given = (np.zeros_like(xt), eps_hat - 1, self.beta, np.full(N, t))
        own = self.code.forward("term", [()], (eps_hat, sigmoid(r)), given)[-1]
        deps_hat, _ = self.code.backward("term", (float(self.rows(N)),), own)
        mean = (xt - b / np.sqrt(1 - A) * eps_hat) / np.sqrt(1 - b)
        return mean + k / np.sqrt(deps_hat) * rng.standard_normal(xt.shape)


@dataclass(frozen=True, eq=False, repr=False)
class OwnTriplet(Loss):
    """normalize and batch of homework 7 on the outputs of a network.

    Shapes: x (N, D), given labels (N,) -> loss.
    """

    code: Any
    net: Layer
    margin: float = 0.2

    def draw(self, batch: Any, rng: np.random.Generator) -> tuple[tuple[NDArray], dict[str, Any]]:
        x, labels = batch
        return (x,), {"labels": labels}

    def forward(self, x: NDArray, *, labels: NDArray) -> tuple[NDArray, Cache]:
        h, net = self.net.forward(x)
        e, unit = self.code.forward("normalize", [h.shape], (h,))
        loss, own = self.code.forward("batch", [()], (e,), (labels, self.margin))
        return loss, (net, unit, own)

    def backward(self, dloss: Any, cache: Cache) -> tuple[NDArray, Grads]:
        net, unit, own = cache
        (de,) = self.code.backward("batch", (dloss,), own)
        (dh,) = self.code.backward("normalize", (de,), unit)
        dx, grads = self.net.backward(dh, net)
        return dx, {"net": grads}

    def embed(self, x: NDArray) -> NDArray:
        """The embeddings of x, of length 1 by your normalize."""
        h, _ = self.net.forward(x)
        return self.code.forward("normalize", [h.shape], (h,))[0]


@dataclass(frozen=True, eq=False, repr=False)
class OwnLetters(Loss):
    """discrete_forward and discrete_backward of homework 8: nats for each symbol.

    Shapes: given y (N, T) whole numbers; L (K, K), l0 (K,) -> loss.
    """

    code: Any
    L: Annotated[NDArray, "K K"] = param()
    l0: Annotated[NDArray, "K"] = param()

    def draw(self, batch: Any, rng: np.random.Generator) -> tuple[tuple[()], dict[str, Any]]:
        return (), {"y": batch.astype(int)}

    def forward(self, *, y: NDArray) -> tuple[NDArray, Cache]:
        logp, own = self.code.forward("discrete", [(len(y),)], (self.L, self.l0), (y,))
        return -logp.mean() / y.shape[1], (own, y.shape)

    def backward(self, dloss: Any, cache: Cache) -> tuple[Grads]:
        own, (N, T) = cache
        dL, dl0 = self.code.backward("discrete", (np.full(N, -dloss / (N * T)),), own)
        return ({"L": dL, "l0": dl0},)

    @property
    def P(self) -> NDArray:
        """The table p(next | this), (K, K), by your marginals: row k starts in k for certain."""
        K = len(self.l0)
        starts = np.where(np.eye(K, dtype=bool), 0.0, -1e3)
        return np.stack(
            [self.code.value("marginals", [(2, K)], self.L, start, 2)[0][1] for start in starts]
        )
