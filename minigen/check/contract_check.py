"""Everything the contract of a layer asks for besides the gradient."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minigen.check.contract_rules import RULES, Rule, row_by_row
from minigen.check.probe import Probe
from minigen.check.report import Diagnosis, Kind, Report, Row, State
from minigen.core import validate
from minigen.core.contract import NoInverseGradient
from minigen.core.signature import checked


@checked
def contract(
    layer: Any, *inputs: ArrayLike, given: dict[str, Any] | None = None, rng: np.random.Generator,
    mixes: bool = False,
) -> Report:  # fmt: skip
    """Check that a layer keeps the contract: purity, caches, linearity, layouts, rows, types.

    Parameters
    ----------
    layer : object
        Anything with `forward` and `backward`, as in `gradients`.
    *inputs : array_like
        The positional inputs of `forward`.
    given : dict, optional
        The keyword inputs of `forward`.
    rng : numpy.random.Generator
        Draws the cotangents.
    mixes : bool
        The layer mixes the rows of a batch by design (mining, batch statistics): the rule that
        each row is treated as if it were alone is left out.

    Returns
    -------
    Report
        A row for each rule.

    Raises
    ------
    InvalidInput
        If an argument is not of the expected form.

    Examples
    --------
    >>> layer = mg.nn.Linear.init(3, 2, rng=rng)
    >>> report = mg.check.contract(layer, rng.standard_normal((4, 3)), rng=rng)
    >>> bool(report), len(report.rows)
    (True, 12)
    """
    validate.generator(rng)
    probe = Probe.of(layer, inputs, given or {})
    rules = [rule for rule in RULES if not (mixes and rule is row_by_row)]
    rows = [_rule_row(rule, probe, rng) for rule in rules]
    return Report(f"contract of {type(layer).__name__}", tuple(rows))


def _rule_row(rule: Rule, probe: Probe, rng: np.random.Generator) -> Row:
    """The row of one rule; an error that the layer raises breaks it."""
    name, note = rule.__name__.replace("_", " "), rule.__doc__ or ""
    try:
        fault = next(rule(probe, rng), "")
    except NoInverseGradient:
        return Row(name, State.SKIPPED, note=f"{note}: no backward pass")
    except Exception as error:  # a layer may raise anything
        fault = f"{type(error).__name__}: {error}"
    if not fault:
        return Row(name, State.OK, note=note)
    return Row(name, State.WRONG, note=note, diagnosis=Diagnosis(Kind.RULE, fault))
