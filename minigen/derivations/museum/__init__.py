"""The bug museum: defects that stood in real packages, small enough to read, ready to run.

    museum.EXHIBITS                    {name: Exhibit}
    print(museum.visit("ddim_minus"))  the page: where it was, the right line, the wrong one
    museum.visit("ddim_minus").run()   what it did, measured: a Finding

Every exhibit is short code of ours with a mistake from a public package. Most were there for years
and most pass a check that people trust: the Finding says which, and which check finds it.
`answer` is the same mistake as edits of a homework's model solution, an answer that must fail.
"""

import importlib

from minigen.core import validate
from minigen.core.signature import checked
from minigen.derivations.museum.exhibit import Exhibit, Finding

NAMES = (
    "inverse_sign", "doubled_logdet", "visiting_order", "one_column", "first_column",
    "actnorm_again", "half_noise", "ones_cotangent", "triplet_nan", "float_tables", "linear_range",
    "ddim_minus", "noisy_ode", "tanh_tails", "gathered_negatives",
)  # fmt: skip
EXHIBITS: dict[str, Exhibit] = {
    name: importlib.import_module(f"{__name__}.{name}").EXHIBIT for name in NAMES
}


@checked
def visit(name: str) -> Exhibit:
    """The exhibit of this name.

    Parameters
    ----------
    name : str
        A key of `EXHIBITS`.

    Returns
    -------
    Exhibit
        Print it to read it; `run()` measures what the defect does.

    Raises
    ------
    ValueError
        For an unknown name.

    Examples
    --------
    >>> mg.derivations.museum.visit("ddim_minus").title
    'A wrong sign of the noise'
    """
    return EXHIBITS[validate.choice("name", name, EXHIBITS)]


__all__ = ["EXHIBITS", "Exhibit", "Finding", "visit"]


def __dir__() -> list[str]:
    return sorted(__all__)
