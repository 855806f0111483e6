"""The Markov factor p(x_i | x_{i-1}): the letters of a text."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from minigen.cli.chapter import Chapter, Family, Model, Part, Recipe, Shot, Stage
from minigen.cli.datasets import Dataset
from minigen.cli.results import Row
from minigen.core import validate
from minigen.markov import CategoricalChain, fit_categorical, fit_unigram, padded, perplexity
from minigen.training import Run, fit

RECIPES = {"text": Recipe(steps=600, batch=64, lr=0.1)}
STEPS = 300, 60  # of the demo: full, quick
LETTERS = 200  # of a sample
PSEUDOCOUNT = 0.1
TEXT = """The bare p(x_i | x_{i-1}) of the notes, on the letters of a text: a table of 1 letter
given the 1 before. Its perplexity on held-out paragraphs is the number of equally likely letters
that would be as hard to guess; without memory it is the unigram's. Gradient descent and the closed
form, counting pairs, reach the same table."""


def build(dataset: Dataset, recipe: Recipe, rng: np.random.Generator) -> CategoricalChain:
    """A chain over the symbols of the text."""
    return CategoricalChain.init(dataset.source.states)


def fit_chain(
    model: CategoricalChain, dataset: Dataset, recipe: Recipe, *, rng: np.random.Generator,
    progress: bool | None = None,
) -> Run:  # fmt: skip
    """Maximum likelihood by gradient."""
    data, held_out = padded(dataset.train), padded(dataset.validation)
    return fit(model.nll, data, validation=held_out, rng=rng, progress=progress, **recipe.training)


def sample_chain(model: CategoricalChain, n: int, *, rng: np.random.Generator) -> NDArray:
    """Sequences of LETTERS symbols."""
    return model.sample(n, length=LETTERS, rng=rng)


def measure_chain(
    name: str, model: CategoricalChain, dataset: Dataset, *, rng: np.random.Generator
) -> list[Row]:
    """Perplexity on held-out paragraphs, beside the unigram's and the closed form's."""
    if dataset.kind != "text" or dataset.source.states != model.states:
        raise validate.expected("--data", "the text that the chain was trained on", dataset.name)
    train, held_out = dataset.train, dataset.source.split()[1]
    closed, unigram = (
        f(train, states=model.states, pseudocount=PSEUDOCOUNT)
        for f in (fit_categorical, fit_unigram)
    )
    beside = {
        "closed form": perplexity(closed, held_out),
        "unigram": perplexity(unigram, held_out),
        "symbols": float(model.states),
    }
    found = perplexity(model, held_out)
    return [Row(name, dataset.name, "perplexity, held out", found, None, beside)]


CHAIN = Family(CategoricalChain, fit_chain, sample_chain, measure_chain)
MODELS = {"markov": Model(build, RECIPES, CHAIN)}


def letters(stage: Stage) -> Part:
    from minigen import plot

    done = stage.trained("markov", MODELS["markov"], "text", STEPS)
    d, model = done.data, done.model
    common = common_letters(d)
    names = ["space" if c == " " else c for c in np.array(list(d.source.symbols))[common]]
    P = model.P[np.ix_(common, common)]
    sample = d.source.decode(model.sample(1, length=LETTERS, rng=stage.rng)[0])
    text = (
        "p(next | this) of the 20 most frequent symbols: row, the symbol before; column, the next; "
        f"dark, likely. A sample of the chain: {sample!r}"
    )
    shot = Shot("transitions", plot.transition(P / P.sum(axis=1, keepdims=True), names), text)
    return done.rows, [shot]


PARTS = (letters,)


def result(rows: list[Row]) -> str:
    (row,) = rows
    return (
        f"The symbol to come is as hard to guess as one of {row.value:.1f} that are equally likely "
        f"(its perplexity); without memory, one of {row.beside['unigram']:.1f}. By counting pairs "
        f"the same table has {row.beside['closed form']:.1f}."
    )


def chapter(parts: Sequence[Part]) -> Chapter:
    return Chapter.of(
        "The Markov factor", TEXT, parts, result, ("09_markov",),
        ("minigen train markov --data text --out letters.npz",
         "minigen sample letters.npz -n 3 --out letters.csv"),
    )  # fmt: skip


def common_letters(dataset: Dataset, most: int = 20) -> NDArray:
    """The numbers of the most frequent symbols, in the order of the alphabet."""
    count = np.bincount(np.concatenate(dataset.train), minlength=dataset.source.states)
    return np.sort(np.argsort(-count)[:most])
