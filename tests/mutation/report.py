"""REPORT.md: the parts that the campaigns have written, in order, with what they mean."""

from . import source, survivors

PREFACE = """# Mutation report

A check that nobody has tested is a belief. Here mistakes are planted, one at a time, and counted
when the checks or the tests find them. Each part was written by the command beside it; the commands
are on-demand, deterministic, and need nothing but the package and its tests (`source` needs
cosmic-ray). A sample of each runs with the tests (`tests/test_mutation.py`).
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

The other columns are the published default rules of three gradient checkers, **written down again
in NumPy** (`rules.py`), not the packages: whole Jacobian at 1e-5 + 1e-3 for torch, one random
direction at 1e-5 + 1e-5 for JAX, at 1e-6 or 1e-6 for autograd; differences of the same forward
passes. Each is asked once, at the first draw that changes an output. torch asks with unit
cotangents, so a mistake that keeps those (the sign or the clipping of a cotangent) escapes it.""",
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
`tests/test_gaps.py`, which holds the tests that this campaign and the one above found missing.
"always trusted" survives: no test yet has a layer for which differences cannot tell at all.
"extrapolation of order 1" survives: the smallest steps of the tableau are already exact to
rounding, and the best of its neighbours is taken, so the slope differs by 1e-13 at most.""",
    ),
    (
        "source",
        "Automatic mutants of the source: `python tests/mutation source [FILE ...]`",
        """cosmic-ray changes one operator, comparison, number, condition or loop at a time; left
out are messages, annotations, the arguments of decorators, and what only raises a type error
(`automatic.py`). A mutant is judged by every test that calls a function of its module, the
quickest first, in a fork of a process that has everything but the package imported (`forks.py`).
Where fewer mutants are judged than there are, they are a sample drawn with a fixed seed. A test
that takes 10 s of CPU (60 s where it compiles) and 10 times its own stops the run: caught "by the
clock". Kernels are judged compiled, loop and twin together; all else runs on the twins.
Equivalent mutants give the same numbers, up to rounding, for every input that is allowed, or
samples of the same law; each stands in `equivalent.py` with the reason, and below.

**A first pass**: 7 to 30 mutants of each module were judged so far, with 4 s of patience (40 s
where it compiles) and by no more than the quickest tests that take 7 s together: slower tests may
catch some that survive here. A class's defaults are no function: only tests that call the module
besides see them. The modules that are not in the table have not been run.""",
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
