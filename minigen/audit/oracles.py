"""The questions that a flow is asked, by their names."""

from collections.abc import Callable

import numpy as np

from minigen.audit import densities, derivatives, maps
from minigen.audit.by_hand import framework_of
from minigen.audit.cell import Cell
from minigen.audit.subject import Subject
from minigen.core import validate

ORACLES: dict[str, Callable[[Subject, np.random.Generator], Cell]] = {
    "round trip": maps.round_trip,
    "and back": maps.round_trip_back,
    "log-det": maps.log_det,
    "log-det back": maps.log_det_back,
    "log_prob": maps.consistent,
    "mass": densities.mass,
    "samples": densities.samples,
    "context": maps.context,
    "gradient": derivatives.gradient,
    "parameters": derivatives.parameters,
    "rows": maps.rows,
    "far": maps.far,
}


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
        return ORACLES[oracle](subject, rng)
    except NotImplementedError as error:
        return Cell(None, "-", f"not offered: {error}")
    except Exception as error:  # a library may fail in any way: that is a finding
        return Cell(False, "raises", f"{type(error).__name__}: {error}")
