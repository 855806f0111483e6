"""REPORT.md: the parts that the campaigns have written, in order, with what they mean."""

from . import source, survivors

PREFACE = """# Mutation report

A check that nobody has tested is a belief. Here mistakes are planted, one at a time, and counted
when the checks or the tests find them. Each part was written by the command beside it; the commands
are on-demand, deterministic, and need nothing but the package and its tests (`source` needs
cosmic-ray; `seeded` asks torch, JAX and autograd too, where they are installed). A sample of each
runs with the tests (`tests/test_mutation.py`).
"""

PARTS = (
    (
        "seeded",
        "Wrong backward passes: `python tests/mutation seeded`",
        """One node of the syntax tree of each `backward`, `backward_inverse` and their helpers is
changed (a sign, a term, a factor, a transpose, an axis, a mask, a cotangent, a slice, 1e-6, float32
in the middle), and 15 mistakes are planted by hand into every class (a stale cache, gradients
accumulated twice, clipping, cotangents of ones, inputs exchanged, ...). A mutant counts where it
changes a gradient beyond rounding (1e-11 of the entry and 1e-13 of the largest) at one of 24 random
draws of shapes and numbers; the loss scale multiplies the outputs of the layer. The judge is
`minigen.check.gradients` with 8 entries of each array and two random directions for the rest;
"at the first such draw" says how often one draw was enough, where up to four were allowed.

The second table asks three packages about the same mutants, each with its own checker and every
tolerance as it comes: `torch.autograd.gradcheck`, `jax.test_util.check_grads` and
`autograd.test_util.check_grads`, of inputs and parameters in float64, in reverse mode, first order
(`packages.py`; those that are installed, `pip install "minigen[mutation]"`). Each is asked once, at
the first draw that changes an output. It *misses* what it passes; where it objects, but to the
right code at that draw too, the objection is *void*.

- gradcheck moves each entry by 1e-6 and compares whole Jacobians at 1e-5 + 1e-3 of the entry, by
  rows: the cotangent is 1 at one place and 0 elsewhere, and once 0 everywhere. A mistake that keeps
  those (the sign of a cotangent, clipping at 1) escapes it; less so at a loss scale of 1e-3, where
  the layer inside is given others.
- JAX compares one number, along one random direction for one random cotangent, at 1e-5 + 1e-5 of
  it, with steps of 1e-4; autograd the same at 1e-6, or 1e-6 of the sum of both, with steps of 1e-6.
- Whatever the scale of the loss, a difference below 1e-5 (autograd: 1e-6) is none to them.
- A stale cache is no question to them: gradcheck's last forward pass before a backward pass is
  1e-6 beside the point, and in the other two, whose functions carry no objects, the layer's forward
  pass is run again inside backward. `minigen.check` runs one elsewhere in between.""",
    ),
    (
        "alarms",
        "Right layers: `python tests/mutation alarms`",
        """Every line of the zoo, at random shapes, at loss scales 1, 1e-3 and 1e-6. A check is one
call of `minigen.check.gradients` on a whole layer; the entries are those compared one by one, the
directions for the others not counted.""",
    ),
    (
        "history",
        "Defects of other packages: `python tests/mutation history`",
        """H1-H27 are failures reported in public issues, P1-P13 defects found by reading. Each is
planted into a copy of the package; a test of the suite as it stands must fail, and the same test
must pass without it. Left out because nothing here corresponds: H14 (a depth, not a defect), H24
(resume), H25 (parallel reductions), H26 (a damaged kernel cache: no test damages one), P2, P6, P7,
P10 (names, crashes, and doubles of other rows).""",
    ),
    (
        "checker",
        "Mistakes in the checker: `python tests/mutation checker`",
        """Planted into `minigen/check` of a copy, judged by `tests/test_check*.py`, and by
`tests/test_gaps.py`, which holds the tests that this campaign and the one above found missing.""",
    ),
    (
        "source",
        "Automatic mutants of the source: `python tests/mutation source [FILE ...]`",
        """cosmic-ray changes one operator, comparison, number, condition or loop at a time; left
out are messages, annotations, the arguments of decorators, and what only raises a type error
(`automatic.py`). A mutant is judged in a fork of a process that has everything but the package
imported (`forks.py`), by the tests that call a function of its module and the fewest of other
modules, as many as take 5 s together; a survivor that is not known to be equivalent then by all of
them. A test that takes 10 s of CPU (60 s where it compiles) and 10 times its own stops the run:
caught "by the clock". All run on the NumPy twins; mutants of kernels that survive it are compiled,
too. Where fewer mutants are judged than there are, they are a sample drawn with a fixed seed.

Equivalent mutants give the same numbers, up to rounding, for every input that is allowed, or
samples of the same law, or take another amount of memory; each stands in `equivalent.py` with the
reason, and below. What is "not equivalent" there is a number of which no promise is made, and
counts against the tests. Many of the tests were written for survivors of an earlier run of this
campaign.""",
    ),
)


def text(folder):
    """The whole report."""
    out = [PREFACE]
    for name, title, words in PARTS:
        out += [f"## {title}", words, *(part(folder, name) or ["Not run."])]
    return "\n\n".join(text.strip() for text in out) + "\n"


def part(folder, name):
    """What a campaign has written: Markdown, or the records of the modules."""
    if name == "source":
        return [survivors.summary(source.read(folder / "source.json"))]
    return [f.read_text(encoding="utf-8") for f in sorted(folder.glob(f"{name}.md"))]
