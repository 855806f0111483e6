"""The bug museum: defects that stood in real packages, small enough to read, ready to run.

    museum.EXHIBITS                    {name: Exhibit}
    print(museum.visit("ddim_minus"))  the page: where it was, the right line, the wrong one
    museum.visit("ddim_minus").run()   what it did, measured: a Finding

Every exhibit is our own short code with somebody's mistake. Most have been in a public package for
years, and most pass some check that people trust: the Finding says which, and which one sees it.
`answer` is the same mistake as edits of a homework's model solution, an answer that must fail.
"""

from minigen.core import validate
from minigen.derivations.museum import (
    actnorm_again,
    ddim_minus,
    doubled_logdet,
    float_tables,
    half_noise,
    inverse_sign,
    linear_range,
    one_column,
    ones_cotangent,
    tanh_tails,
    triplet_nan,
    visiting_order,
)
from minigen.derivations.museum.exhibit import Exhibit, Finding

EXHIBITS = {
    module.EXHIBIT.name: module.EXHIBIT
    for module in (
        inverse_sign,
        doubled_logdet,
        visiting_order,
        one_column,
        actnorm_again,
        half_noise,
        ones_cotangent,
        triplet_nan,
        float_tables,
        linear_range,
        ddim_minus,
        tanh_tails,
    )
}


def visit(name):
    """The Exhibit of this name."""
    return EXHIBITS[validate.choice("name", name, EXHIBITS)]


__all__ = ["EXHIBITS", "Exhibit", "Finding", "visit"]
