"""A paper exam drawn by a key: ten questions, two versions, with answers that were computed.

Four questions show a backward pass with a wrong line, three ask for a number, three for a
derivation. The functions and their variants are those of the assignments.
"""

import os
import pathlib
import re
from collections.abc import Iterable, Iterator

import numpy as np

from minigen.core import validate
from minigen.core.signature import checked
from minigen.homework import assignments
from minigen.homework.assignments import Assignment, Pair
from minigen.homework.grading import records
from minigen.homework.handout import blanks, variants
from minigen.homework.marking import reference as ref
from minigen.homework.marking.session import Session, behind_wall
from minigen.homework.marking.viva import Asked, broken
from minigen.homework.wall import LIMITS, reached
from minigen.homework.wall.inside.edits import edited, edits

SMALL = {  # pairs whose numbers can be computed on paper, at these sizes
    "gradients": {"loss": (2, 1, 1)}, "change": {"gauss": (1, 1)},
    "diffusion": {"posterior": (1, 1, 3)}, "triplet": {"normalize": (1, 2)},
    "elbo": {"kl": (1, 1), "prior": (1, 1), "decoder": (1, 1)},
}  # fmt: skip
NEEDS = {
    "twice": ("layer",),
    "batch": ("triplet", "mine"),
    "decoder": ("kl",),
}  # what else is defined


@checked
def exam(key: str, folder: str | os.PathLike, names: list[str] | None = None) -> list[pathlib.Path]:
    """Write a paper exam of ten questions in two versions, each with its answers, as HTML.

    Parameters
    ----------
    key : str
        The instructor's key, or @FILE; another key draws another exam.
    folder : str or path
        Where to write; nothing in it is overwritten.
    names : list of str, optional
        The assignments that the questions are drawn from; by default all.

    Returns
    -------
    list of pathlib.Path
        The paths of exam A and its answers, exam B and its answers.

    Raises
    ------
    FileExistsError
        If one of the files is there already.

    Examples
    --------
    >>> import tempfile
    >>> [path.name for path in mg.homework.exam("a key of mine", tempfile.mkdtemp())]
    ['exam-A.html', 'answers-A.html', 'exam-B.html', 'answers-B.html']
    """
    key, folder = variants.secret(key), pathlib.Path(folder)
    chosen = [assignments.get(name) for name in names or assignments.NAMES]
    written = {}
    for version in "AB":
        asked = questions(key, version, chosen)
        intro = "Ten questions. Give a reason for each answer; a number to three decimals."
        for kind, answers in (("exam", False), ("answers", True)):
            title = f"{kind.capitalize()}, version {version}"
            written[folder / f"{kind}-{version}.html"] = records.sheet(title, intro, asked, answers)
    for path in written:
        if path.exists():
            raise FileExistsError(f"{path}: expected no such file, it is there and is kept")
    for path, text in written.items():
        records.write(path, text)
    return list(written)


def questions(key: str, version: str, chosen: list[Assignment]) -> list[Asked]:
    """The ten questions of one version."""
    rng = np.random.default_rng(variants.number(key, "exam", version))
    found = []
    for kind, count in ((wrong_lines, 4), (numbers, 3), (derivations, 3)):
        source = kind(key, version, chosen, rng)
        found += [next(source) for _ in range(count)]
    return found


def shuffled(items: list, rng: np.random.Generator) -> Iterator:
    """The items in a random order, and again in another when they are used up."""
    while items:
        yield from (items[k] for k in rng.permutation(len(items)))
    raise validate.expected("names", "assignments that give rise to questions", "others")


def wrong_lines(key: str, version: str, chosen: list[Assignment],
                rng: np.random.Generator) -> Iterator[Asked]:  # fmt: skip
    """Which line of a backward pass is wrong, and why."""
    level, _ = reached()
    for a in shuffled(chosen, rng):
        source = blanks.solved(a).encode()
        pairs = {t.backward: t for t in a.tasks(a.practice) if isinstance(t, Pair)}
        mistakes = [e for e in edits(source) if e[0] in pairs]
        session = Session(source, behind_wall(level, LIMITS))
        try:
            for mistake in shuffled(mistakes, rng):
                task, (at, old, new) = pairs[mistake[0]], mistake[1:]
                cases = ref.cases(task.reference, task.draw, task.practice, rng)
                wrong = broken(task, cases, session, edited(source, at, new))
                if {*wrong} & {f"d{x}" for x in task.inputs}:  # it runs, and is wrong
                    break
        finally:
            session.close()
        text = edited(source, at, new).decode()
        yield {
            "question": f"{equations(a, a.practice, task.name)}\nOne line of the backward pass is "
            "wrong. Which, why, and which gradients does it spoil?",
            "code": shown(text, task),
            "answer": f"The line `{new.strip()}` must be `{old.strip()}`. It spoils "
            f"{', '.join(wrong)}. (Found by running it.)",
        }


def numbers(key: str, version: str, chosen: list[Assignment],
            rng: np.random.Generator) -> Iterator[Asked]:  # fmt: skip
    """A gradient of a small case, as a number."""
    small = [(a, name) for a in chosen for name in SMALL.get(a.name, {})]
    for a, name in shuffled(small or [(assignments.get("elbo"), "kl")], rng):
        variant = variants.drawn(a, key, f"exam {version}")
        task = next(t for t in a.tasks(variant) if isinstance(t, Pair) and t.name == name)
        inputs, given = task.draw(rng, *SMALL[a.name][name])
        inputs = tuple(np.round(x, 1) for x in inputs)
        given = tuple(np.round(g, 2) for g in given)
        outputs = ref.run(task.reference, ref.Case(inputs, given))
        case = ref.Case(inputs, given, tuple(np.ones_like(y) for y in outputs))
        i = int(rng.integers(len(task.inputs)))
        gradient = ref.gradients(task.reference, case)[i]
        said = named(task.inputs, inputs)
        more = f", given {named(arguments(a, task)[len(inputs) :], given)}" if given else ""
        yield {
            "question": f"{equations(a, variant, name)}\nWith {said}{more}, and 1 as the "
            f"gradient by every output: compute {', '.join(task.outputs)} and d{task.inputs[i]}.",
            "code": "",
            "answer": f"{named(task.outputs, outputs)}; "
            f"{named([f'd{task.inputs[i]}'], [gradient])}",
        }


def named(names: Iterable[str], arrays: Iterable[np.ndarray]) -> str:
    """Arrays of few numbers in words."""
    pairs = zip(names, arrays, strict=True)
    return ", ".join(f"{name} = {np.round(a, 4).tolist()}" for name, a in pairs)


def derivations(key: str, version: str, chosen: list[Assignment],
                rng: np.random.Generator) -> Iterator[Asked]:  # fmt: skip
    """A backward pass to be derived."""
    pairs = [(a, t.name) for a in chosen for t in a.tasks(a.practice) if isinstance(t, Pair)]
    for a, name in shuffled(pairs, rng):
        task = next(t for t in a.tasks(a.practice) if isinstance(t, Pair) and t.name == name)
        outputs = ", ".join(f"d{y}" for y in task.outputs)
        wanted = ", ".join(f"d{x}" for x in task.inputs)
        yield {
            "question": f"{equations(a, a.practice, name)}\nDerive the backward pass: "
            f"{wanted} from {outputs}.",
            "code": "",
            "answer": f"In NumPy:\n{shown(blanks.solved(a), task)}",
        }


def arguments(assignment: Assignment, task: Pair) -> list[str]:
    """The names of the arguments of a forward pass."""
    found = re.search(rf"^def {task.forward}\((.*?)\):", blanks.solved(assignment), re.MULTILINE)
    return found[1].split(", ") if found else []


def equations(assignment: Assignment, variant: dict, name: str) -> str:
    """What the handout says on a function: all of it but the lines of other functions."""
    text = blanks.blank(assignment, variant).split('"""')[1]
    others = {t.name for t in assignment.tasks(variant)} | {"schedule"}
    for other in others - {name, *NEEDS.get(name, ())}:
        text = re.sub(rf"^    {other}: .*\n(?:     .*\n)*", "", text, flags=re.MULTILINE)
    text = re.sub(r"\n{3,}", "\n\n", text.split("\n", 1)[1])
    return text.strip("\n ")


def shown(source: str, task: Pair) -> str:
    """A forward and a backward pass, and the functions of the file that they call."""
    texts = [function_text(source, task.forward), function_text(source, task.backward)]
    defined = re.findall(r"^def (\w+)\(", source, re.MULTILINE)
    return "\n\n".join([*helpers(source, texts, [task.forward, task.backward], defined), *texts])


def helpers(source: str, texts: list[str], known: list[str], defined: list[str]) -> list[str]:
    """The functions that these texts call, and those that they call, without those known."""
    found = []
    for name in defined:
        if name not in known and any(re.search(rf"\b{name}\(", text) for text in texts):
            own = function_text(source, name)
            known.append(name)
            found += [*helpers(source, [own], known, defined), own]
    return found


def function_text(source: str, name: str) -> str:
    """The text of a function without its docstring."""
    body = re.search(rf"^def {name}\(.*?(?=^def |^#|\Z)", source, re.MULTILINE | re.DOTALL)
    text = re.sub(r'\n    """.*?"""', "", body[0] if body else "", count=1, flags=re.DOTALL)
    return text.strip()
