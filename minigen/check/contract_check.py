"""Everything the contract of a layer promises besides the gradient."""

from minigen.check import contract_rules
from minigen.check.probe import Probe
from minigen.check.report import OK, WRONG, Report, Row
from minigen.core import validate

RULES = {
    "forward is pure": contract_rules.forward_pure,  # before any other forward: a layer may set itself up
    "form": contract_rules.form,
    "backward is pure": contract_rules.backward_pure,
    "repeatable": contract_rules.repeatable,
    "two caches": contract_rules.two_caches,
    "linear": contract_rules.linear,
    "zero": contract_rules.zero,
    "layouts": contract_rules.layouts,
    "row by row": contract_rules.by_row,
    "float32": contract_rules.single,
    "own memory": contract_rules.unaliased,
    "frozen": contract_rules.frozen,
}


def contract(layer, *inputs, rng, mixes=False, **given):
    """Whether a layer keeps the contract: purity, caches, linearity, layouts, rows, types.

    layer, inputs, given: as in `gradients`. mixes: the layer mixes the rows of a batch by design
    (mining, batch statistics), and is excused from treating each row as if it were alone.
    Returns a Report with a row for each promise.
    """
    validate.generator(rng)
    probe = Probe.of(layer, inputs, given)
    rows = []
    for name, promise in RULES.items():
        if not (mixes and promise is contract_rules.by_row):
            rows.append(kept(name, promise, probe, rng))
    return Report(f"contract of {type(layer).__name__}", tuple(rows))


def kept(name, promise, probe, rng):
    """The row of one promise; an error the layer raises breaks it."""
    try:
        fault = promise(probe, rng)
    except Exception as error:  # whatever a layer raises under this promise is the answer
        fault = f"{type(error).__name__}: {error}"
    return Row(name, WRONG if fault else OK, note=promise.__doc__, why=f": {fault}")
