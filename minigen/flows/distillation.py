"""A fast student of a slow teacher: an IAF that is trained to have a MAF's density."""

import numpy as np
from numpy.typing import NDArray

from minigen.core import tree, validate
from minigen.core.signature import Bound, Count, Size, checked
from minigen.flows.chain import Chain
from minigen.flows.flow import Flow
from minigen.flows.losses import ReverseKL
from minigen.flows.models import Hidden, iaf
from minigen.flows.preprocess import Preprocess


@checked
def student(
    teacher: Flow, layers: Count = 6, hidden: Hidden = (64, 64), *, rng: np.random.Generator,
    activation: str = "tanh", c: Bound = 2.0,
) -> Flow:  # fmt: skip
    """A fresh IAF in the units of a slow flow, to be trained by `distil`.

    Parameters
    ----------
    teacher : a flow without a context, whose preprocessing the student shares
    layers, hidden, activation, c : of the student, as in `iaf`
    rng : the generator of the first weights

    Returns
    -------
    Flow

    Raises
    ------
    InvalidInput
        For a teacher with a context.

    Examples
    --------
    >>> teacher = mg.flows.maf(2, 2, (8,), rng=rng)
    >>> mg.flows.student(teacher, 1, (8,), rng=rng).sample(3, rng=rng).shape
    (3, 2)
    """
    if teacher.context:
        got = f"one with {teacher.context} columns of it"
        raise validate.expected("teacher", "a flow without a context", got)
    first, _ = apart(teacher)
    plain = iaf(
        teacher.features, layers, hidden, rng=rng, dtype=teacher.dtype, activation=activation, c=c
    )
    chain = Chain((*first, plain.chain)) if first else plain.chain
    return Flow(chain, plain.base, teacher.levels)


@checked
def distil(student: Flow, teacher: Flow) -> ReverseKL:
    """KL(student || teacher), to be minimised over the student.

    Parallel WaveNet (Oord et al. 2018):

        loss = E_{x ~ student} [log q(x) - log p(x)]

    Both densities are known where the student draws, so no data are needed. The student's sample is
    one pass, and so is the teacher's density. A map that both share changes no KL, so the loss
    begins behind their preprocessing.

    Parameters
    ----------
    student : a flow whose map from latent to data is one pass, for example of `student`
    teacher : a flow whose map from data to latent is one pass; it is kept

    Returns
    -------
    ReverseKL, whose batches are samples of `student.base`

    Raises
    ------
    InvalidInput
        For flows of other columns, or another preprocessing.

    Examples
    --------
    >>> teacher = mg.flows.maf(2, 2, (8,), rng=rng)
    >>> student = mg.flows.student(teacher, 1, (8,), rng=rng)
    >>> loss = mg.flows.distil(student, teacher)
    >>> mg.fit(loss, student.base, steps=5, rng=rng).steps
    5
    """
    q, p = both(student, teacher)
    return q.reverse_kl(p)


@checked
def kl_samples(student: Flow, teacher: Flow, n: Size, *, rng: np.random.Generator) -> NDArray:
    """log q(x) - log p(x) at samples x of the student q: their mean is KL(student || teacher).

    x is what comes out of the preprocessing that both share, as the KL allows; of whole numbers it
    is the KL of x + u, before samples are rounded.

    Parameters
    ----------
    student : a flow whose samples are one pass
    teacher : a flow whose density is one pass
    n : how many samples
    rng : numpy.random.Generator

    Returns
    -------
    (n,) float64

    Examples
    --------
    >>> flow = mg.flows.real_nvp(2, 2, (8,), rng=rng)
    >>> bool(np.abs(mg.flows.kl_samples(flow, flow, 10, rng=rng)).max() < 1e-5)
    True
    """
    q, p = both(student, teacher)
    z = validate.array("z", q.base.sample(n, rng=rng), dtype=q.dtype)
    x, logdet, _ = q.chain.inverse(z)
    logq = q.base.forward(z)[0].astype(np.float64) - logdet
    return logq - p.log_prob(x).astype(np.float64)


def both(student: Flow, teacher: Flow) -> tuple[Flow, Flow]:
    """The two behind the preprocessing that they share."""
    if student.features != teacher.features:
        what = f"a flow of {student.features} columns"
        raise validate.expected("teacher", what, teacher.features)
    (first, q), (other, p) = apart(student), apart(teacher)
    if not same(first, other):
        raise validate.expected("student", "the preprocessing of the teacher", "another")
    return q, p


def apart(flow: Flow) -> tuple[tuple[Preprocess, ...], Flow]:
    """The preprocessing of a flow, () if there is none, and the flow that stands behind it."""
    first, *rest = flow.chain.layers if isinstance(flow.chain, Chain) else (flow.chain,)
    if not isinstance(first, Preprocess) or not rest:
        return (), flow
    return (first,), Flow(Chain(tuple(rest)), flow.base)


def same(a: tuple[Preprocess, ...], b: tuple[Preprocess, ...]) -> bool:
    """Whether two preprocessings are equal, number by number."""
    if len(a) != len(b):
        return False
    for f, g in zip(a, b, strict=True):
        if tree.describe(f) != tree.describe(g):
            return False
        mine, theirs = (tree.arrays(layer) for layer in (f, g))
        if any(not np.array_equal(mine[k][1], theirs[k][1]) for k in mine):
            return False
    return True
