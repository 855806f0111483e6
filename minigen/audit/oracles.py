"""The questions that a flow is asked, and how each is asked by hand.

Every oracle looks at a `Subject` and says how far it is off; its lines repeat that in the model's
own library, after the lines that make the model.
"""

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.audit.subject import Subject, Torch
from minigen.check import Report, State
from minigen.check.bijection_check import Equality, equal, equalities_of
from minigen.check.density_check import Region, mass_row, over_boxes, samples_row
from minigen.check.probe import Probe
from minigen.core import validate

STEPS = (4e-3, 1e-3, 2.5e-4, 6e-5, 1.5e-5)  # of differences
N, NEAR = 5, 1e-6  # rows; how far a value may be off in double precision
BUDGET = 100_000  # points of an integral


@dataclass(frozen=True)
class Cell:
    """What an oracle found: right, wrong, or None where it could not be asked; and in words."""

    right: bool | None
    text: str
    why: str = ""


def points(rng: np.random.Generator, n: int = N) -> tuple[NDArray, NDArray]:
    """(x (n, 2), c (n, 1))."""
    return rng.standard_normal((n, 2)), rng.standard_normal((n, 1))


def within(error: float, limit: float = NEAR, why: str = "") -> Cell:
    """Right if an error is within a limit."""
    return Cell(bool(error <= limit), f"{error:.0e}", why)


def _gap(a: NDArray, b: NDArray) -> float:
    return float(np.max(np.abs(a - b) / (1 + np.abs(b))))


class Turned:
    """A subject in the other direction."""

    params: dict[str, NDArray]

    def __init__(self, subject: Subject) -> None:
        self.subject, self.params = subject, {}

    def __deepcopy__(self, memo: Any) -> "Turned":
        return self

    def forward(self, x: NDArray, c: NDArray) -> tuple[NDArray, NDArray, Any]:
        return self.subject.inverse(x, c)

    def inverse(self, y: NDArray, c: NDArray) -> tuple[NDArray, NDArray, Any]:
        return self.subject.forward(y, c)

    backward = None


def _trip(s: Subject | Turned, x: NDArray, c: NDArray, rng: np.random.Generator) -> Cell:
    """x = inverse(forward(x)), as exactly as rounding and an inverse found by bisection allow.

    Right are an error within `check.bijection`'s tolerance, one of 1e-6, and one of which
    forward takes no notice: forward(inverse(forward(x))) = forward(x) to 1e-6.
    """
    (trip, *_), _ = _equalities(s, x, c, rng)
    return _closed(s, c, trip)


def _closed(s: Subject | Turned, c: NDArray, trip: Equality) -> Cell:
    """Whether a round trip came back to where it started, or to what forward cannot tell apart."""
    found = _verdict(*trip)
    _, again, x, _ = trip
    if found.right is not False or again.shape != x.shape:
        return found
    close = _gap(s.forward(again, c)[0], s.forward(x, c)[0]) <= NEAR
    return Cell(True, found.text, "rounding, in a steep place") if close else found


def _log_det(s: Subject | Turned, x: NDArray, c: NDArray, rng: np.random.Generator) -> Cell:
    """The log-det beside that of the Jacobian; if it is noisy, that of the other direction's."""
    (trip, _, own, other), _ = _equalities(s, x, c, rng)
    found = _verdict(*own)
    if found.right is None and _closed(s, c, trip).right:
        name, yours, *_ = own
        _, _, opposite, allowed = other
        return _verdict(name, yours, -opposite, allowed)
    return found


def _equalities(s: Subject | Turned, x: NDArray, c: NDArray, rng: np.random.Generator) -> tuple:
    there = Probe.of(s, (x, c), {})
    back = Probe.of(s, (there.forward()[0][0], c), {}, direction="inverse")
    return equalities_of(there, back, rng)


def _verdict(name: str, yours: NDArray, expected: NDArray, allowed: NDArray) -> Cell:
    """A row of `check.bijection` as a cell; what is off by less than 1e-6 is right."""
    if yours.shape != expected.shape or not np.isfinite(expected).all():
        return Cell(False, "shape" if yours.shape != expected.shape else "nan", name)
    row = equal(name, yours, expected, allowed)
    gap = _gap(yours, expected)
    if row.state == State.INCONCLUSIVE and not gap <= NEAR:
        return Cell(None, "?", "too badly conditioned here to tell")
    return Cell(row.state == State.OK or gap <= NEAR, f"{gap:.0e}", row.worst)


def round_trip(s: Subject, rng: np.random.Generator) -> Cell:
    return _trip(s, *points(rng), rng)


def round_trip_back(s: Subject, rng: np.random.Generator) -> Cell:
    return _trip(Turned(s), *points(rng), rng)


def log_det(s: Subject, rng: np.random.Generator) -> Cell:
    return _log_det(s, *points(rng), rng)


def log_det_back(s: Subject, rng: np.random.Generator) -> Cell:
    return _log_det(Turned(s), *points(rng), rng)


def consistent(s: Subject, rng: np.random.Generator) -> Cell:
    """log_prob is that of N(0, 1) at forward(x), and its log-det."""
    x, c = points(rng)
    z, logdet = s.forward(x, c)[:2]
    base = -np.sum(z**2, axis=1) / 2 - np.log(2 * np.pi)
    return within(_gap(s.log_prob(x, c), base + logdet))


def _density(s: Subject, rng: np.random.Generator, row: str) -> Cell:
    if not hasattr(s, "report"):
        s.report = _report(s, rng)
    report: Report = s.report
    (found,) = [r for r in report.rows if r.name == row]
    why = found.diagnosis.text if found.diagnosis else ""
    right = {State.OK: True, State.WRONG: False}.get(found.state)
    text = f"{found.error:.0e}" if found.error is not None else found.note.split()[-4]
    return Cell(right, text if right is not None else "?", why)


def _report(s: Subject, rng: np.random.Generator) -> Report:
    c = rng.standard_normal((1, 1))

    def log_prob(x: NDArray) -> NDArray:
        size = min(1 << len(x).bit_length(), 1 << 15)  # few sizes: JAX compiles for each
        full = np.pad(x, ((0, -len(x) % size), (0, 0)))
        parts = [full[k : k + size] for k in range(0, len(full), size)]
        return np.concatenate([s.log_prob(p, np.repeat(c, size, 0)) for p in parts])[: len(x)]

    x = s.sample(10_000, c)
    ends = np.array([[-np.inf] * 2, [np.inf] * 2])
    integrate = functools.partial(over_boxes, region=Region.around(x, ends), budget=BUDGET)
    integral = integrate(log_prob)
    rows = (mass_row(integral, log_prob, {}, integrate), samples_row(integral, x, rng))
    return Report("density", rows, values=True)


def mass(s: Subject, rng: np.random.Generator) -> Cell:
    return _density(s, rng, "mass")


def samples(s: Subject, rng: np.random.Generator) -> Cell:
    return _density(s, rng, "samples")


def context(s: Subject, rng: np.random.Generator) -> Cell:
    """Every coordinate of a sample depends on the context, where any does."""
    z, c = points(rng)
    moved = np.abs(s.inverse(z, c + 1.0)[0] - s.inverse(z, c)[0]).max(axis=0)
    if not moved.any():
        return Cell(None, "-", "the model takes no notice of its context at all")
    still = np.flatnonzero(moved <= 1e-9 * moved.max())
    why = f"coordinates {still.tolist()} do not change with the context" if len(still) else ""
    return Cell(not len(still), f"{len(still)} still" if len(still) else "all", why)


def gradient(s: Subject, rng: np.random.Generator) -> Cell:
    """The derivative of log_prob by x and by the context, against differences."""
    x, c = points(rng)
    v = rng.standard_normal(N)
    f = s.made["log_prob"]
    grads = s.framework.pullback(lambda a, b: (f(a, b),), (x, c), (v,))
    cells = []
    for k, g in enumerate(grads):
        u = rng.standard_normal(g.shape)

        def along(step: float, k: int = k, u: NDArray = u) -> float:
            moved = [x, c]
            moved[k] = moved[k] + step * u
            return float(v @ s.log_prob(*moved))

        cells.append(_beside(float(np.sum(u * g)), along))
    return min(cells, key=lambda cell: (cell.right is not False, cell.right is not None))


def _beside(yours: float, along: Callable[[float], float]) -> Cell:
    """A slope beside the differences along it, at the step where two agree best."""
    slopes = []
    for h in STEPS:
        near, wide = along(h) - along(-h), along(2 * h) - along(-2 * h)
        slopes.append((8 * near - wide) / (12 * h))
    gaps = [abs(a - b) / (1 + abs(b)) for a, b in itertools.pairwise(slopes)]
    best = int(np.argmin(gaps))
    slope, unsure = slopes[best + 1], gaps[best]
    found = within(abs(yours - slope) / (1 + abs(slope)), 1e-5)
    if found.right or unsure < 1e-6:
        return found
    return Cell(None, "?", f"the differences are not accurate here: {unsure:.0e}")


def parameters(s: Subject, rng: np.random.Generator) -> Cell:
    """The derivative of log_prob along the parameters, against differences."""
    if not isinstance(s.framework, Torch):
        return Cell(None, "-", "asked of torch modules")
    x, c = points(rng)
    start, put = s.framework.parameters(s.made["flow"])
    directions = [s.framework.array(rng.standard_normal(tuple(p.shape))) for p in start]
    flow = s.made["flow"]
    for p in flow.parameters():
        p.grad = None
    s.made["log_prob"](s.framework.array(x), s.framework.array(c)).sum().backward()
    live = [p for p in flow.parameters() if p.requires_grad]
    pairs = zip(live, directions, strict=True)
    yours = sum(float((p.grad * u).sum()) for p, u in pairs if p.grad is not None)

    def along(step: float) -> float:
        put([p + step * u for p, u in zip(start, directions, strict=True)])
        return float(s.log_prob(x, c).sum())

    found = _beside(yours, along)
    put(start)
    return found


def rows(s: Subject, rng: np.random.Generator) -> Cell:
    """A batch is its rows, one by one."""
    x, c = points(rng)
    alone = np.concatenate([s.log_prob(x[k : k + 1], c[k : k + 1]) for k in range(N)])
    return within(_gap(alone, s.log_prob(x, c)), 1e-9)


def far(s: Subject, rng: np.random.Generator) -> Cell:
    """Far from the data the density is finite and the round trip holds to six figures."""
    x, c = points(rng)
    x = 50.0 * np.sign(x)
    found = s.log_prob(x, c)
    if np.isnan(found).any() or np.any(found == np.inf):
        return Cell(False, "nan", "log_prob is not a number at |x| = 50")
    if not np.isfinite(s.forward(x, c)[0]).all():
        return Cell(None, "inf", "forward(x) overflows at |x| = 50")
    return _trip(s, x, c, rng)


ORACLES: dict[str, tuple[Callable[[Subject, np.random.Generator], Cell], str]] = {
    "round trip": (round_trip, "print(inverse(forward(x, c)[0], c)[0] - x)"),
    "and back": (round_trip_back, "print(forward(inverse(x, c)[0], c)[0] - x)"),
    "log-det": (
        log_det,
        "J = JACOBIAN(lambda v: forward(v, c[:1])[0], x[:1])\n"
        "print(forward(x[:1], c[:1])[1], SLOGDET(J.reshape(2, 2)))",
    ),
    "log-det back": (
        log_det_back,
        "J = JACOBIAN(lambda v: inverse(v, c[:1])[0], x[:1])\n"
        "print(inverse(x[:1], c[:1])[1], SLOGDET(J.reshape(2, 2)))",
    ),
    "log_prob": (
        consistent,
        "z, log_det = forward(x, c)\n"
        "print(log_prob(x, c), log_det - (z**2).sum(1) / 2 - 1.8378770664093453)",
    ),
    "mass": (
        mass,
        "t = LINSPACE(-30, 30, 1201); grid = PAIRS(t)\n"
        "print(EXP(log_prob(grid, 0 * grid[:, :1] + c[0])).sum() * 0.05**2)",
    ),
    "samples": (
        samples,
        "y = sample(20000, c[:1]); z = forward(y, 0 * y[:, :1] + c[0])[0]\n"
        "print(z.mean(0), z.std(0), 'should be 0 and 1')",
    ),
    "context": (context, "print(inverse(x, c + 1)[0] - inverse(x, c)[0])"),
    "gradient": (
        gradient,
        "g = GRADIENT(lambda v: log_prob(v, c).sum(), x); e = 0 * x; e[0, 0] = 1e-4\n"
        "print(g[0, 0], (log_prob(x + e, c) - log_prob(x - e, c)).sum() / 2e-4)",
    ),
    "parameters": (
        parameters,
        "p = next(flow.parameters()); log_prob(x, c).sum().backward(); g = p.grad.flatten()[0]\n"
        "p.data.flatten()[0] += 1e-4; a = log_prob(x, c).sum(); p.data.flatten()[0] -= 2e-4\n"
        "print(g, (a - log_prob(x, c).sum()) / 2e-4)",
    ),
    "rows": (rows, "print(log_prob(x, c)[:1] - log_prob(x[:1], c[:1]))"),
    "far": (
        far,
        "far = 50 * x / abs(x)\nprint(log_prob(far, c), inverse(forward(far, c)[0], c)[0])",
    ),
}  # fmt: skip

WORDS = {
    "torch": {
        "JACOBIAN": "torch.autograd.functional.jacobian",
        "SLOGDET": "torch.linalg.slogdet",
        "LINSPACE": "torch.linspace",
        "PAIRS(t)": "torch.cartesian_prod(t, t)",
        "EXP": "torch.exp",
        "GRADIENT(lambda v: log_prob(v, c).sum(), x)": (
            "torch.autograd.functional.jacobian(lambda v: log_prob(v, c).sum(), x)"
        ),
    },
    "jax": {
        "JACOBIAN(lambda v: forward(v, c[:1])[0], x[:1])": (
            "jax.jacobian(lambda v: forward(v, c[:1])[0])(x[:1])"
        ),
        "JACOBIAN(lambda v: inverse(v, c[:1])[0], x[:1])": (
            "jax.jacobian(lambda v: inverse(v, c[:1])[0])(x[:1])"
        ),
        "SLOGDET": "jnp.linalg.slogdet",
        "LINSPACE": "jnp.linspace",
        "PAIRS(t)": "jnp.stack(jnp.meshgrid(t, t), -1).reshape(-1, 2)",
        "EXP": "jnp.exp",
        "GRADIENT(lambda v: log_prob(v, c).sum(), x)": (
            "jax.grad(lambda v: log_prob(v, c).sum())(x)"
        ),
        "e[0, 0] = 1e-4": "e = e.at[0, 0].set(1e-4)",
    },
    "numpy": {
        "LINSPACE": "np.linspace", "EXP": "np.exp", "SLOGDET": "np.linalg.slogdet",
        "PAIRS(t)": "np.stack(np.meshgrid(t, t), -1).reshape(-1, 2)",
        "JACOBIAN": "mg.check.jacobian",
    },
}  # fmt: skip
POINTS = {
    "torch": "x, c = torch.randn(5, 2), torch.randn(5, 1)\n",
    "jax": "x, c = jax.random.normal(key, (5, 2)), jax.random.normal(key, (5, 1))\n",
    "numpy": "x, c = rng.standard_normal((5, 2)), rng.standard_normal((5, 1))\n",
}


def framework_of(code: str) -> str:
    """Which arrays the lines of a model use."""
    return "torch" if "import torch" in code else "jax" if "import jax" in code else "numpy"


def reproduction(code: str, oracle: str) -> str:
    """Write the lines that ask a question of a model by hand.

    Parameters
    ----------
    code : str
        The lines that make the model.
    oracle : str
        The question, one of those of `minigen audit`.

    Returns
    -------
    str
        Lines of Python that need the model's own library alone.

    Raises
    ------
    ValueError
        For an unknown question.

    Examples
    --------
    >>> code = "import numpy as np\\nforward = lambda x, c: (2 * x, 0 * x[:, 0])"
    >>> print(mg.audit.reproduction(code, "rows").splitlines()[-1])
    print(log_prob(x, c)[:1] - log_prob(x[:1], c[:1]))
    """
    validate.choice("oracle", oracle, ORACLES)
    if not isinstance(code, str):
        raise validate.wrong_type("code", "lines of Python", type(code).__name__)
    framework = framework_of(code)
    asked = ORACLES[oracle][1]
    for word, own in WORDS[framework].items():
        asked = asked.replace(word, own)
    wanted = [n for n in ("forward", "inverse", "log_prob", "sample") if f"{n}(" not in asked]
    unused = tuple(f"{n} = " for n in wanted)
    lines = [line for line in code.splitlines() if not line.startswith(unused)]
    return "\n".join([*lines, POINTS[framework] + asked])


def made(code: str) -> str | Subject:
    """The model of these lines; the lines where they raise, so that the oracles say so."""
    try:
        return Subject(code, framework_of(code))
    except Exception:  # said by `ask`
        return code


def ask(model: str | Subject, oracle: str, seed: int = 0) -> Cell:
    """Ask one question of one model.

    Parameters
    ----------
    model : str or Subject
        The lines that make the model, or the model made of them.
    oracle : str
        The question, one of those of `minigen audit`.
    seed : int
        Of the points at which it is asked.

    Returns
    -------
    Cell
        Right, wrong, or None where it could not be asked; what raises is wrong.

    Raises
    ------
    ValueError
        For an unknown question.

    Examples
    --------
    >>> code = '''import numpy as np
    ... forward = lambda x, c: (2 * x + c, np.full(len(x), 2 * np.log(2)))
    ... inverse = lambda z, c: ((z - c) / 2, np.full(len(z), 2 * np.log(2)))'''
    >>> [mg.audit.ask(code, oracle).right for oracle in ("log-det", "log-det back")]
    [True, False]
    """
    validate.choice("oracle", oracle, ORACLES)
    rng = np.random.default_rng(validate.integer("seed", seed, 0))
    if not isinstance(model, (str, Subject)):
        raise validate.wrong_type("model", "lines of Python, or a Subject", type(model).__name__)
    try:
        subject = Subject(model, framework_of(model)) if isinstance(model, str) else model
        return ORACLES[oracle][0](subject, rng)
    except NotImplementedError as error:
        return Cell(None, "-", f"not offered: {error}")
    except Exception as error:  # a library may fail in any way: that is a finding
        return Cell(False, "raises", f"{type(error).__name__}: {error}")
