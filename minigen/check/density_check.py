"""A density: does it integrate to one, and are the samples its own?

    mass = int exp(log_prob(x)) dx
    E_p cos(w . v), E_p sin(w . v) and E_p v  by the samples, and by the integral,  v = arctan(x)

Up to three columns the integral is a sum over boxes, each by Gauss and Legendre's rules of two
orders; a box in which they differ is divided. The whole line is mapped to (-1, 1) by x = t / (1 -
t^2). With more columns both are found by weights p / q at draws of a wider density q around the
samples, with a standard error.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.check.function_check import function_of, numbers, settled
from minigen.check.report import Diagnosis, Kind, Report, Row, State, versus
from minigen.core import validate
from minigen.core.signature import Count, checked

ORDERS = {1: (15, 10), 2: (8, 5), 3: (6, 4)}  # nodes of the two rules, by the number of columns
BOXES, EVALUATIONS = {1: 32, 2: 12, 3: 6}, {1: 60_000, 2: 500_000, 3: 1_000_000}
CLOSE, KNOWN = 1e-6, 1e-3  # what a mass may be off by; what its error must be below
SURE = 6.0  # standard errors: one false alarm in 10^8 frequencies
WAVES, DRAWS, CHUNK = 16, 20_000, 50_000
CUBED = 3  # the most columns of an integral by boxes
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


@checked
def density(
    log_prob: Callable, features: Count = 1, *, low: ArrayLike = -np.inf, high: ArrayLike = np.inf,
    sample: Callable | ArrayLike | None = None, rng: np.random.Generator | None = None,
    known: Mapping[str, Callable] | None = None,
) -> Report:  # fmt: skip
    """Check that a log-density integrates to one, and that samples are distributed by it.

    Parameters
    ----------
    log_prob : callable
        x (N, D) -> log p(x) (N,).
    features : int
        D. Up to three columns are integrated by boxes; with more, `sample` is needed.
    low, high : float or array_like
        The box (D,) on which p is defined; everywhere unless given. A box a few spreads around
        the data saves evaluations.
    sample : callable or array_like, optional
        (n, rng) -> x (n, D), or the samples themselves.
    rng : numpy.random.Generator, optional
        Draws the samples and the frequencies; the same every time unless given.
    known : dict of callables, optional
        Terms by name, x (N, D) -> (N,), that may be missing from log_prob, as the log-determinant
        of a map: if with one of them, or without it, the mass is one, the report says so.

    Returns
    -------
    Report
        The rows `mass` and, with samples, `samples`. A mass is right if it is one to 1e-6 or ten
        of its errors; if its error is above 1e-3 it is inconclusive. Samples are wrong if one of
        their mean values is more than six standard errors off.

    Raises
    ------
    InvalidInput
        If an argument is not of the expected form.

    Examples
    --------
    >>> def log_prob(x):
    ...     return -(x[:, 0] ** 2) / 2 - np.log(2 * np.pi) / 2
    >>> draw = lambda n, rng: rng.standard_normal((n, 1))
    >>> bool(mg.check.density(log_prob, sample=draw, rng=rng))
    True
    >>> report = mg.check.density(lambda x: log_prob(2 * x), sample=draw, rng=rng)
    >>> [row.name for row in report.failures], report.rows[0].diagnosis.text
    (['mass', 'samples'], 'the mass is 0.5 = 1/2: a factor 2 is missing')
    """
    rng = settled(rng)
    function_of("log_prob", log_prob)
    D = validate.integer("features", features, 1)
    ends = _ends(low, high, D)
    if known is not None and not isinstance(known, Mapping):
        raise validate.wrong_type("known", "a dict of functions", type(known).__name__)
    terms = {str(k): function_of(f"known[{k!r}]", v) for k, v in (known or {}).items()}
    x = _samples(sample, D, rng)
    if x is None and D > CUBED:
        raise validate.expected("sample", f"samples, for {D} columns", "none")

    def checked(points: NDArray) -> NDArray:
        out = numbers("log_prob", log_prob(points))
        if out.shape != (len(points),):
            raise validate.expected("log_prob", f"shape ({len(points)},)", out.shape)
        return out

    by_boxes = D <= CUBED
    if by_boxes:
        region = _search(checked, ends, rng) if x is None else Region.around(x, ends)
        integrate = functools.partial(over_boxes, region=region)
    else:
        integrate = functools.partial(by_weights, draws=_draws(x, D, rng))
    integral = integrate(checked)
    rows = [mass_row(integral, checked, terms, integrate)]
    if x is not None:
        rows.append(samples_row(integral, x, rng))
    how = f"{len(integral.points)} points, error {integral.error:.0e}"
    return Report("density", tuple(rows), f"integral: {how}", values=True)


def _ends(low: ArrayLike, high: ArrayLike, D: int) -> NDArray:
    """The ends (2, D) of the box."""
    ends = []
    for name, value in (("low", low), ("high", high)):
        end = numbers(name, value)
        if end.shape not in ((), (D,)) or np.isnan(end).any():
            raise validate.expected(name, f"a number or {D} numbers", f"shape {end.shape}")
        ends.append(np.broadcast_to(end, (D,)))
    box = np.array(ends)
    if not np.all(box[0] < box[1]):
        raise validate.expected("high", "more than low", box[1].tolist())
    return box


def _samples(sample: Any, D: int, rng: np.random.Generator) -> NDArray | None:
    """The samples (n, D), or None."""
    if sample is None:
        return None
    drawn: Any = sample(DRAWS, rng) if callable(sample) else sample
    x = validate.array("sample", drawn)
    return validate.array("sample", np.asarray(x), ("n", D), np.float64)


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


def _search(
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


def _draws(x: NDArray | None, D: int, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Points and log q of samples moved by wide noise: a density around the samples."""
    assert x is not None
    centres = x[: min(len(x), 2000)]
    spread = np.cov(centres.T).reshape(D, D) + 1e-12 * np.eye(D)
    width = len(centres) ** (-1 / (D + 4)) * 1.5
    L = np.linalg.cholesky(width**2 * spread)
    chosen = centres[rng.integers(0, len(centres), DRAWS)]
    points = chosen + rng.standard_normal((DRAWS, D)) @ L.T
    log_q = np.empty(DRAWS)
    solved, at = np.linalg.solve(L, centres.T).T, np.linalg.solve(L, points.T).T
    for k in range(0, DRAWS, 1000):
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


def mass_row(
    integral: Integral, log_prob: Callable, terms: dict[str, Callable], integrate: Callable
) -> Row:
    """The row of the mass."""
    mass, error = integral.mass, integral.error
    off = abs(mass - 1)
    if not np.isfinite(mass):
        why = Diagnosis(Kind.NOT_FINITE, "the density is not finite somewhere")
        return Row("mass", State.WRONG, None, "", diagnosis=why)
    allowed = SURE * error if integral.drawn else max(CLOSE, 10 * error)
    note = f"mass {mass:.6g}"
    limit = 0.02 if integral.drawn else KNOWN
    if off > max(allowed, 1e-300) and (error <= limit * max(mass, 1e-3) or off > 100 * error > 0):
        if mass < 1e-3 and not error < 1e-3 * mass and not integral.drawn:
            text = "hardly any mass was found: give low and high, a box around it"
            return Row(
                "mass", State.INCONCLUSIVE, off, note, diagnosis=Diagnosis(Kind.UNSURE, text)
            )
        why = _why_mass(integral, log_prob, terms, integrate)
        return Row("mass", State.WRONG, off, note, f": {versus(mass, 1.0)}", why)
    if error > limit or not off <= allowed:
        text = f"the integral is not accurate here (error {error:.1e}): give low and high"
        return Row("mass", State.INCONCLUSIVE, off, note, diagnosis=Diagnosis(Kind.UNSURE, text))
    return Row("mass", State.OK, off, note)


def _why_mass(
    integral: Integral, log_prob: Callable, terms: dict[str, Callable], integrate: Callable
) -> Diagnosis:
    """What would make the mass one."""
    mass, D = integral.mass, integral.points.shape[1]
    close = max(1e-5, 8 * integral.error / max(mass, 1e-300))

    def with_term(term: Callable, times: float) -> float:
        def both(x: NDArray) -> NDArray:
            return log_prob(x) + times * numbers("known", term(x))

        return integrate(both).mass

    changes = (
        (1, Kind.MISSING_TERM, "is missing"),
        (2, Kind.TERM_SIGN, "has the wrong sign"),
        (-1, Kind.TERM_TWICE, "is too much, or counted twice"),
        (-2, Kind.TERM_SIGN, "has the wrong sign"),
    )
    for name, term in terms.items():
        for times, kind, what in changes:
            if abs(with_term(term, times) - 1) < close:
                how = "plus" if times > 0 else "minus"
                text = f"the term {name} {what}: the mass is {mass:.6g}, and 1 with"
                return Diagnosis(kind, f"{text} {how} {abs(times)} of it")
    root = np.sqrt(2 * np.pi)
    constants = [
        (root**D, "(2 pi)^(D/2)" if D > 1 else "sqrt(2 pi)"), (root, "sqrt(2 pi)"),
        (2 * np.pi, "2 pi"), (np.sqrt(np.pi), "sqrt(pi)"), (np.pi, "pi"),
        *((n, str(n)) for n in range(2, 11)), (2.0**D, f"2^{D}"), (np.sqrt(2), "sqrt(2)"),
    ]  # fmt: skip
    for value, text in constants:
        if abs(mass / value - 1) < close:
            return Diagnosis(Kind.MASS, f"the mass is {mass:.6g} = {text}: divide by it")
        if abs(mass * value - 1) < close:
            return Diagnosis(
                Kind.MASS, f"the mass is {mass:.6g} = 1/{text}: a factor {text} is missing"
            )
    text = "a log-determinant, a normalising constant, or a part of the support is missing or wrong"
    return Diagnosis(Kind.MASS, f"the mass is {mass:.6g}: {text}")


def samples_row(integral: Integral, x: NDArray, rng: np.random.Generator) -> Row:
    """The row of the samples: mean values of waves and columns, beside those of the density."""
    if not (np.isfinite(integral.mass) and integral.mass > 0):
        return Row("samples", State.SKIPPED, note="there is no density to compare with")
    D = x.shape[1]
    region = Region.around(x, np.full((2, D), -np.inf))
    centre, spread = region.middle, np.linalg.norm(region.L, axis=1)
    w = rng.standard_normal((WAVES, D))
    w[: WAVES // 2] *= 2.0

    def features(points: NDArray) -> NDArray:
        v = np.arctan((points - centre) / spread)  # bounded: no fast waves in the tails
        return np.concatenate([np.cos(v @ w.T), np.sin(v @ w.T), v], axis=1)

    mine = features(x)
    expected, unsure = integral.mean(features)
    error = np.sqrt(mine.var(axis=0) / len(x) + unsure**2) + 1e-12
    z = np.abs(mine.mean(axis=0) - expected) / error
    note = f"{len(x)} samples, {len(z)} mean values, the worst {z.max():.1f} standard errors off"
    if z.max() <= SURE:
        doubt = float(np.max(error)) > 0.1
        why = Diagnosis(Kind.UNSURE, "too few samples or too uneven weights to tell")
        return Row("samples", State.INCONCLUSIVE if doubt else State.OK, None, note,
                   diagnosis=why if doubt else None)  # fmt: skip
    return Row("samples", State.WRONG, None, note, diagnosis=_why_samples(integral, x))


def _why_samples(integral: Integral, x: NDArray) -> Diagnosis:
    """In what the samples differ from the density: a mean, a spread, or the shape."""
    p = integral.weights / integral.mass
    mean = p @ integral.points
    spread = np.sqrt(p @ (integral.points - mean) ** 2)
    for k in range(x.shape[1]):
        off = abs(x[:, k].mean() - mean[k]) / (spread[k] / np.sqrt(len(x)) + 1e-300)
        if off > SURE:
            both = versus(float(x[:, k].mean()), float(mean[k]))
            return Diagnosis(Kind.SAMPLES, f"the mean of column {k}: {both}")
    for k in range(x.shape[1]):
        ratio = x[:, k].std() / spread[k]
        if abs(ratio - 1) > SURE / np.sqrt(len(x)) * 2:
            return Diagnosis(
                Kind.SAMPLES, f"column {k} is {ratio:.3g} times as wide as the density"
            )
    return Diagnosis(Kind.SAMPLES, "means and widths agree, the shape does not")
