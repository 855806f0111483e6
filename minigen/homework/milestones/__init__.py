"""A model of each chapter that runs with the student's own functions in place of the package's."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigen.core.signature import Count, checked
from minigen.homework.milestones import own_layers as own
from minigen.homework.milestones.code import loaded
from minigen.homework.milestones.runs import RUNS
from minigen.training import Run

LAYERS: dict[str, dict[str, Callable[..., Any]]] = {
    "gradients": {"layer": own.OwnLayer, "loss": own.OwnFit},
    "change": {"chain": own.OwnChain, "gauss": own.OwnGauss},
    "coupling": {"coupling": own.OwnCoupling.init},
    "autoregressive": {"maf": own.OwnMAF.init},
    "diffusion": {"reverse": own.OwnReverse},
    "elbo": {"bound": own.OwnBound},
    "triplet": {"triplet": own.OwnTriplet},
    "markov": {"discrete": own.OwnLetters},
}


@dataclass(frozen=True, eq=False)
class Milestone:
    """A model trained with the functions of a homework file; `figure` says whose they are.

    Attributes
    ----------
    title : what was made, and by whose code
    said : what was measured
    model : the layer or loss that was trained
    run : its training
    figure : the picture, which a notebook shows and `figure.savefig(path)` writes
    """

    title: str
    said: str
    model: Any
    run: Run
    figure: Any

    def __str__(self) -> str:
        return f"{self.title}\n{self.said}"

    def __repr__(self) -> str:
        return f"Milestone({self.title!r}: {self.said})"

    def _repr_png_(self) -> bytes:
        return self.figure._repr_png_()


@checked
def milestone(
    path: str | os.PathLike[str], *, seed: int = 0, steps: Count | None = None,
    progress: bool | None = None,
) -> Milestone:  # fmt: skip
    """Train a model of the chapter with the functions of a homework file, and draw it.

    The demo's moons by your coupling, its digits by your terms of the ELBO: `mg.fit` calls your
    forward and backward passes at every step, and the picture says whose code it was. The file runs
    in this session, as `python coupling.py` would. A mistake in it is not corrected: check it with
    `homework.check` first, or see what a wrong gradient learns.

    Parameters
    ----------
    path : str or path
        The homework file, such as "coupling.py"; or an assignment's name, such as "coupling", for
        minigen's own solution of the practice variant.
    seed : int
        Of the start values, the batches and the samples.
    steps : int, optional
        Of training; by default enough for a good picture, in less than a minute.
    progress : bool, optional
        A progress bar; by default where a person is watching.

    Returns
    -------
    Milestone

    Raises
    ------
    ValueError
        If a function is missing, not written, fails or returns other shapes; it names the line.

    Examples
    --------
    >>> mine = mg.homework.milestone("coupling", steps=3)  # "coupling.py", once it is written
    >>> mine.title
    "The moons, by the coupling of minigen's practice solution"
    """
    code = loaded(path)
    train, usual, what = RUNS[code.assignment.name]
    rng = np.random.default_rng([seed, *code.assignment.name.encode()])
    done = train(code, steps or usual, rng, progress)
    title = f"{what} {code.whose}"
    figure = done.draw()
    figure.suptitle(f"{title}\n{done.said}", fontsize=11)
    return Milestone(title, done.said, done.model, done.run, figure)


@checked
def layers(path: str | os.PathLike[str]) -> dict[str, Callable[..., Any]]:
    """The functions of a homework file as layers that `mg.fit` trains.

        gradients       layer(W, b)                     a Layer
                        loss(net)                       a Loss of batches (x, target)
        change          chain(W, b)                     a Bijection without an inverse
                        gauss(L)                        a Density without samples
        coupling        coupling(features, hidden)      a Bijection; takes rng, too
        autoregressive  maf(features, hidden)           a Bijection; takes rng, too
        diffusion       reverse(net, beta, alpha_bar)   a Loss; its `step` samples
        elbo            bound(net, levels, beta)        a Loss; its `step` samples
        triplet         triplet(net, margin)            a Loss of batches (x, labels)
        markov          discrete(L, l0)                 a Loss of rows of whole numbers

    Parameters
    ----------
    path : str or path
        The homework file, or an assignment's name for minigen's own solution, as in `milestone`.

    Returns
    -------
    dict
        {name: a function that makes the layer}, in float64. Such a model cannot be saved.

    Examples
    --------
    >>> mine = mg.homework.layers("coupling")["coupling"]
    >>> maps = (mine(2, 16, rng=rng), mg.flows.Permute.halves(2), mine(2, 16, rng=rng))
    >>> flow = mg.flows.Flow(mg.flows.Chain(maps), mg.prob.StandardNormal(2))
    >>> mg.fit(flow.nll, mg.data.toy("moons"), steps=3, rng=rng).steps
    3
    """
    code = loaded(path)
    makers = LAYERS[code.assignment.name]
    return {name: functools.partial(maker, code) for name, maker in makers.items()}
