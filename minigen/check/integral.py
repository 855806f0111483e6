"""An integral over a density: a sum over boxes, or weights at draws.

Up to three columns the integral is a sum over boxes, each by Gauss and Legendre's rules of two
orders; a box in which they differ is divided. The whole line is mapped to (-1, 1) by x = t / (1 -
t^2). With more columns it is found by weights p / q at draws of a wider density q around the
samples, with a standard error.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ORDERS = {1: (15, 10), 2: (8, 5), 3: (6, 4)}  # nodes of the two rules, by the number of columns
BOXES, EVALUATIONS = {1: 32, 2: 12, 3: 6}, {1: 60_000, 2: 500_000, 3: 1_000_000}
DRAWS, CHUNK = 20_000, 50_000
TARGET = {1: 1e-9, 2: 1e-8, 3: 1e-6}  # the error an integral by boxes aims at
ROUNDS, TRIED = 20, 1000  # of the search for the place of a density


@dataclass(frozen=True, eq=False)
class Integral:
    """Points, weights w = p(x) dx with sum w f(x) = int p f, and the error of their sum."""

    points: NDArray
    weights: NDArray
    error: float
    drawn: bool = False

    @property
    def mass(self) -> float:
        return float(self.weights.sum())

    def mean(self, f: Callable[[NDArray], NDArray]) -> tuple[NDArray, NDArray]:
        """(E f, its standard error) for the columns that f makes of the points."""
        p = self.weights / self.mass
        used = np.flatnonzero(p > 1e-12 / len(p))
        parts = [used[k : k + CHUNK] for k in range(0, len(used), CHUNK)]
        mean = np.sum([p[part] @ f(self.points[part]) for part in parts], axis=0)
        spread = np.zeros(len(mean))
        if self.drawn:
            for part in parts:
                spread += np.square(p[part]) @ np.square(f(self.points[part]) - mean)
        return mean, np.sqrt(spread) + self.error / self.mass


@dataclass(frozen=True, eq=False)
class Region:
    """Where a density is defined (2, D), the middle (D,) of its mass, and its shape L (D, D)."""

    ends: NDArray
    middle: NDArray
    L: NDArray

    @classmethod
    def around(cls, x: NDArray, ends: NDArray) -> "Region":
        """The region of samples: medians, half widths, and how columns go together."""
        low, middle, high = np.quantile(x, [1 / 6, 1 / 2, 5 / 6], axis=0)
        width = np.maximum((high - low) / 2, 1e-12 * (1 + np.abs(middle)))
        D = len(width)
        if D == 1 or np.isfinite(ends).any():
            return cls(ends, middle, np.diag(width))
        bounded = np.tanh((x - middle) / width / 2)  # heavy tails have no covariance
        C = np.corrcoef(bounded.T)
        C = np.where(np.isfinite(C), C, 0.0) * (1 - 1e-9) + 1e-9 * np.eye(D)
        C[np.diag_indices(D)] = 1.0
        L = np.linalg.cholesky(C + 1e-9 * np.eye(D))
        return cls(ends, middle, width[:, None] * L)

    def points(self, t: NDArray) -> tuple[NDArray, NDArray]:
        """(x, dx/dt (N,)) of t in (-1, 1)^D."""
        if not np.isfinite(self.ends).any():
            rest = 1 - t * t
            x = self.middle + 2 * (t / rest) @ self.L.T
            slope = np.prod(2 * (1 + t * t) / rest**2, axis=1)
            return x, slope * np.prod(np.diag(self.L))
        x, dx = np.empty(t.shape), np.empty(t.shape)
        for k, (low, high) in enumerate(self.ends.T):
            s, middle, width = t[:, k], self.middle[k], self.L[k, k]
            if np.isfinite(low) and np.isfinite(high):
                x[:, k], dx[:, k] = low + (high - low) * (1 + s) / 2, (high - low) / 2
            elif np.isfinite(low) or np.isfinite(high):
                end, sign = (low, 1.0) if np.isfinite(low) else (high, -1.0)
                reach = max(abs(middle - end), width)
                x[:, k], dx[:, k] = end + sign * reach * (1 + s) / (1 - s), 2 * reach / (1 - s) ** 2
            else:
                rest = 1 - s * s
                x[:, k], dx[:, k] = middle + 2 * width * s / rest, 2 * width * (1 + s * s) / rest**2
        return x, np.prod(dx, axis=1)


def searched(
    log_prob: Callable[[NDArray], NDArray], ends: NDArray, rng: np.random.Generator
) -> Region:
    """Where the density lies.

    It draws around the place known so far, with heavy tails, and moves to the points that (p / q)^b
    favours; b grows to 1 as more of them are near.
    """
    D = ends.shape[1]
    region = Region(ends, np.zeros(D), np.eye(D))
    for _ in range(ROUNDS):
        t = rng.standard_t(2, (TRIED, D))
        points = region.middle + 2 * t @ region.L.T
        inside = np.all((points > ends[0]) & (points < ends[1]), axis=1)
        points, t = points[inside], t[inside]
        if len(points) < 20:
            break
        with np.errstate(invalid="ignore", over="ignore"):
            log_p = log_prob(points)
        log_p = np.where(np.isfinite(log_p), log_p, -1e300)
        log_q = -1.5 * np.log1p(t**2 / 2).sum(axis=1)
        for b in 0.5 ** np.arange(40):
            w = b * (log_p - log_q)
            w = np.exp(np.maximum(w - w.max(), -700))
            if w.sum() ** 2 > 100 * np.square(w).sum():
                break
        kept = points[rng.choice(len(points), TRIED, p=w / w.sum())]
        region = Region.around(kept, ends)
    return region


def over_boxes(
    log_prob: Callable[[NDArray], NDArray], region: Region, budget: int | None = None
) -> Integral:
    """The integral, and how far it is from those over other boxes: a jump at their edge is seen."""
    n = BOXES[len(region.middle)]
    budget = budget or EVALUATIONS[len(region.middle)]
    first, *others = (_over_boxes(log_prob, region, k, budget) for k in (n, n + 1, n - 1))
    gaps = [abs(other.mass - first.mass) for other in others]
    return Integral(first.points, first.weights, first.error + max(gaps))


def _over_boxes(
    log_prob: Callable[[NDArray], NDArray], region: Region, n: int, budget: int
) -> Integral:
    """The integral over n boxes a column, each divided where two rules differ."""
    D = len(region.middle)
    grids = [np.linspace(-1, 1, n + 1)[:-1] for _ in range(D)]
    corners = np.stack(np.meshgrid(*grids, indexing="ij"), -1).reshape(-1, D)
    width = np.full(len(corners), 2.0 / n)
    (fine, w), (coarse, v) = (_rule(n, D) for n in ORDERS[D])
    done_points, done_weights, error, spent = [], [], 0.0, 0
    while len(corners):
        points, weights, masses = _boxes(log_prob, region, corners, width, fine, w)
        rough = _boxes(log_prob, region, corners, width, coarse, v)[2]
        spent += len(corners) * (len(w) + len(v))
        gap = np.abs(masses - rough)
        gap = np.where(np.isfinite(gap), gap, np.inf)
        total = max(float(np.nansum(masses)) + sum(p.sum() for p in done_weights), 1e-300)
        split = gap > TARGET[D] / n**D * total
        if spent > budget or np.all(width[split] < 2.0**-40):
            split[:] = False
        keep = ~split
        done_points.append(points[keep].reshape(-1, D))
        done_weights.append(weights[keep].ravel())
        error += float(gap[keep].sum())
        shifts = np.stack(np.meshgrid(*[[0, 0.5]] * D, indexing="ij"), -1).reshape(-1, D)
        corners = (corners[split, None] + width[split, None, None] * shifts).reshape(-1, D)
        width = np.repeat(width[split] / 2, len(shifts))
    return Integral(np.concatenate(done_points), np.concatenate(done_weights), error)


def _rule(n: int, D: int) -> tuple[NDArray, NDArray]:
    """Nodes (n^D, D) in (0, 1)^D and weights of the product of Gauss and Legendre's rules."""
    x, w = np.polynomial.legendre.leggauss(n)
    nodes = np.stack(np.meshgrid(*[(x + 1) / 2] * D, indexing="ij"), -1).reshape(-1, D)
    weights = np.prod(np.stack(np.meshgrid(*[w / 2] * D, indexing="ij"), -1), -1).ravel()
    return nodes, weights


def _boxes(
    log_prob: Callable[[NDArray], NDArray], region: Region, corners: NDArray, width: NDArray,
    nodes: NDArray, weights: NDArray,
) -> tuple[NDArray, NDArray, NDArray]:  # fmt: skip
    """(points, weights with the density, mass) of each box."""
    D = corners.shape[1]
    t = corners[:, None] + width[:, None, None] * nodes
    x, dx = region.points(t.reshape(-1, D))
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        p = np.exp(log_prob(x)) * dx
    w = p.reshape(t.shape[:2]) * weights * (width**D)[:, None]
    return x.reshape(t.shape), w, w.sum(axis=1)


def wider(x: NDArray, rng: np.random.Generator, n: int = DRAWS) -> tuple[NDArray, NDArray]:
    """Points and log q of samples moved by wide noise: a density around the samples."""
    D = x.shape[1]
    centres = x[:2000]
    spread = np.cov(centres.T).reshape(D, D) + 1e-12 * np.eye(D)
    width = len(centres) ** (-1 / (D + 4)) * 1.5
    L = np.linalg.cholesky(width**2 * spread)
    chosen = centres[rng.integers(0, len(centres), n)]
    points = chosen + rng.standard_normal((n, D)) @ L.T
    log_q = np.empty(n)
    solved, at = np.linalg.solve(L, centres.T).T, np.linalg.solve(L, points.T).T
    for k in range(0, n, 1000):
        part = at[k : k + 1000]
        squares = np.sum(part**2, 1)[:, None] + np.sum(solved**2, 1) - 2 * part @ solved.T
        top = -squares.min(axis=1) / 2
        log_q[k : k + 1000] = top + np.log(np.mean(np.exp(-squares / 2 - top[:, None]), axis=1))
    constant = D * np.log(2 * np.pi) / 2 + np.log(np.diag(L)).sum()
    return points, log_q - constant


def by_weights(log_prob: Callable[[NDArray], NDArray], draws: tuple[NDArray, NDArray]) -> Integral:
    """The integral by weights p / q at draws of q."""
    points, log_q = draws
    with np.errstate(over="ignore"):
        w = np.exp(log_prob(points) - log_q) / len(points)
    error = float(np.std(w) * np.sqrt(len(w)))
    return Integral(points, w, error, drawn=True)
