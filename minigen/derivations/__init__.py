r'''The notes, executed: every equation as printed and as it must read, its code, and its check.

    mg.derivations.run()                    every entry: a list of rows
    mg.derivations.show("NVP-6")            one entry, drawn by a notebook

An equation of your own is a function that returns its error, or a Report of `minigen.check`. Its
docstring holds the equation in LaTeX, and what else is to be said about it:

    @mg.derivations.entry("MINE-1", code=InvertibleLinear.forward)
    def mine(rng):
        r"""The log-determinant of a linear map by the diagonal of its factor.

        correct: \log|\det W|=\sum_ja_j
        """
        f, x = InvertibleLinear.init(3, rng=rng, dtype=np.float64), rng.standard_normal((4, 3))
        J = mg.check.jacobian(lambda v: f.forward(v)[0], x)
        return np.abs(np.linalg.slogdet(J)[1] - f.forward(x)[1]).max()

Notes of your own are a folder of Markdown; `minigen check --new FOLDER` makes an example, `minigen
check --notes FOLDER` runs it and makes its page (see `minigen.derivations.markdown_notes`):

    mg.derivations.read(FOLDER).entries     its equations, for run(entries=...)

`mg.derivations.run(entries=[mine])` checks the single function above; with it in a file, `minigen
check --file FILE.py` shows it in the same table, and with --html on the same page, as the notes'
own. The fields of the docstring are described in `minigen.derivations.statement`.
'''

from minigen.derivations.equation import Entry, NotEvaluable, Result, entry
from minigen.derivations.markdown_notes import read
from minigen.derivations.notebook import show
from minigen.derivations.notes import Notes
from minigen.derivations.runner import Row, run
from minigen.derivations.tools.full_kl import KLFull
from minigen.derivations.tools.layers import Counted, as_maf
from minigen.derivations.tools.posterior_forms import (
    PosteriorMeanFromNoise,
    log_bayes,
    mean_forms,
    quadratic,
    variance_forms,
)

__all__ = [
    "Counted",
    "Entry",
    "KLFull",
    "NotEvaluable",
    "Notes",
    "PosteriorMeanFromNoise",
    "Result",
    "Row",
    "as_maf",
    "entry",
    "log_bayes",
    "mean_forms",
    "quadratic",
    "read",
    "run",
    "show",
    "variance_forms",
]


def __dir__() -> list[str]:
    return sorted(__all__)
