"""A density: does it integrate to one, and are the samples its own?

    mass = int exp(log_prob(x)) dx
    E_p cos(w . v), E_p sin(w . v) and E_p v  by the samples, and by the integral,  v = arctan(x)

The integrals are those of `minigen.check.integral`.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.check.integral import DRAWS, Integral, Region, by_weights, over_boxes, searched, wider
from minigen.check.plain import function_of, numbers, settled
from minigen.check.report import Diagnosis, Kind, Report, Row, State, versus
from minigen.core import validate
from minigen.core.signature import Count, checked

CLOSE, KNOWN = 1e-6, 1e-3  # what a mass may be off by; what its error must be below
SURE = 6.0  # standard errors: one false alarm in 10^8 frequencies
WAVES = 16
CUBED = 3  # the most columns of an integral by boxes


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

    if x is None or D <= CUBED:
        region = searched(checked, ends, rng) if x is None else Region.around(x, ends)
        integrate = functools.partial(over_boxes, region=region)
    else:
        integrate = functools.partial(by_weights, draws=wider(x, rng))
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
