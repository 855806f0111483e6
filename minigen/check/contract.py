"""Everything the contract of a layer promises besides the gradient."""

from minigen.check import promises
from minigen.check.report import OK, WRONG, Report, Row
from minigen.check.subject import Subject
from minigen.core import validate

PROMISES = {
    "forward is pure": promises.forward_pure,  # before any other forward: a layer may set itself up
    "form": promises.form,
    "backward is pure": promises.backward_pure,
    "repeatable": promises.repeatable,
    "two caches": promises.two_caches,
    "linear": promises.linear,
    "zero": promises.zero,
    "layouts": promises.layouts,
    "row by row": promises.by_row,
    "float32": promises.single,
    "own memory": promises.unaliased,
    "frozen": promises.frozen,
}


def contract(layer, *inputs, rng, mixes=False, **given):
    """Whether a layer keeps the contract: purity, caches, linearity, layouts, rows, types.

    layer, inputs, given: as in `gradients`. mixes: the layer mixes the rows of a batch by design
    (mining, batch statistics), and is excused from treating each row as if it were alone.
    Returns a Report with a row for each promise.
    """
    validate.generator(rng)
    subject = Subject.of(layer, inputs, given)
    rows = []
    for name, promise in PROMISES.items():
        if not (mixes and promise is promises.by_row):
            rows.append(kept(name, promise, subject, rng))
    return Report(f"contract of {type(layer).__name__}", tuple(rows))


def kept(name, promise, subject, rng):
    """The row of one promise; an error the layer raises breaks it."""
    try:
        fault = promise(subject, rng)
    except Exception as error:  # whatever a layer raises under this promise is the answer
        fault = f"{type(error).__name__}: {error}"
    return Row(name, WRONG if fault else OK, note=promise.__doc__, why=f": {fault}")
