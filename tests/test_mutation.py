"""A sample of the mutation campaigns (tests/mutation): planted mistakes are caught."""

import random
import re

import numpy as np
import pytest
from mutation import checker, copies, history, packages, source
from mutation.comparison import SCALES, Point, outcome
from mutation.planted import PLANTED
from mutation.syntax import mutants
from mutation.targets import draw, targets

from minigen.flows import AffineCoupling

BANKS = {p.name: p for bank in (history.BANK, checker.BANK) for p in bank}


def target(cls, name="backward"):
    return next(t for t in targets() if t.owner is cls and t.name == name)


def sample(count=40):
    """Some of the seeded mutants, of as many functions."""
    rng = random.Random(0)
    for t in rng.sample(targets(), count):
        yield t, rng.choice(list(mutants(t.function)))
    for t, mutant in rng.sample(list(PLANTED()), count // 3):
        yield t, mutant


def test_seeded_mutants_are_caught_at_every_scale_of_the_loss():
    counted = 0
    for t, mutant in sample():
        for scale in SCALES:
            v = outcome(t, mutant, scale)
            assert v.caught or not v.changed, (t.label, mutant.before, mutant.after, scale)
            counted += v.changed > 0
    assert counted > 80  # most of them change an output


def test_every_backward_of_the_package_has_mutants():
    found = {(t.owner, t.name) for t in targets()}
    assert (AffineCoupling, "inverse_backward") in found and len(found) > 80
    assert len(list(mutants(AffineCoupling.inverse_backward))) > 50


@pytest.mark.parametrize("package", packages.MAKERS)
def test_a_wrong_sign_passes_other_packages_at_a_small_loss_and_not_ours(package):
    pytest.importorskip(package)
    t = target(AffineCoupling)
    case = draw("AffineCoupling", 0)
    for scale, others in ((1.0, {package}), (1e-7, set())):
        point = Point(case, scale, 0)
        assert package not in point.others.accusing and not point.caught(0)
        with t.replaced(lambda self, *args: flipped(t.function(self, *args))):
            assert point.others.objecting() & {package} == others
            assert point.caught(0)


def flipped(out):
    dx, *rest = out
    return -dx, *rest


def test_other_packages_are_given_the_layer_as_it_is():
    case = draw("AffineCoupling with context", 0)
    point = Point(case, 1.0, 0)
    bridge = packages.Bridge(point.probe)
    outputs, _ = point.probe.forward()
    for mine, right in zip(bridge.outputs(*bridge.arrays), outputs, strict=True):
        np.testing.assert_array_equal(mine, right)
    mine = bridge.again(bridge.arrays, point.cotangents)
    bridge.outputs(*(a + 1 for a in bridge.arrays))  # where it was moved since is forgotten
    again = bridge.again(bridge.arrays, point.cotangents)
    for name, a, b in zip(bridge.points, mine, again, strict=True):
        np.testing.assert_array_equal(a, point.right[name])
        np.testing.assert_array_equal(b, point.right[name])


@pytest.mark.parametrize("name", BANKS)
def test_a_planted_mistake_fits_the_source_as_it_is(name):
    planted = BANKS[name]
    assert planted.source() != copies.source(planted.file)
    for word in re.findall(r"test_\w+\.py", planted.tests):
        assert (copies.ROOT / "tests" / word).exists()


def test_there_are_enough_of_them():
    assert len(history.BANK) >= 24 and len(checker.BANK) >= 30


@pytest.mark.parametrize(
    "name, tests",
    [
        ("nothing is wrong", "test_check.py"),
        ("H20 a variance called logvar in the prior term (ddpm-torch)", "test_elbo.py -k prior"),
    ],
)
def test_the_tests_find_a_mistake_in_a_copy_of_the_package(name, tests):
    planted = copies.Planted(name, BANKS[name].file, BANKS[name].edits, tests)
    with copies.Copy() as copy:
        assert copy.caught_by(planted).startswith("tests/")


def test_a_mutant_of_the_source_meets_the_tests_that_call_it():
    file = "data/quadrature.py"
    right = copies.source(file)
    with copies.Copy() as copy:
        calls = source.callers(copy, ["tests/test_data_formulas.py"])
        tests = source.nearest(calls, file)
        assert tests == ["tests/test_data_formulas.py"]
        assert not source.caught(copy, file, right, tests)
        assert source.caught(copy, file, right.replace("return ", "return -", 1), tests)


def test_the_tests_nearest_to_a_module_are_those_that_call_little_else():
    calls = {"tests/c.py": ["x"], "tests/b.py": ["x"], "tests/a.py": ["x", "y"], "tests/d.py": []}
    assert source.nearest(calls, "x") == ["tests/b.py", "tests/c.py", "tests/a.py"]


def test_every_module_with_mathematics_has_automatic_mutants():
    files = source.modules()
    assert {"prob/kl.py", "kernels/spline.py", "core/tree.py"} <= set(files)
    assert source.modules(["prob"]) == [f for f in files if f.startswith("prob/")]
    assert source.modules(["prob/kl.py"]) == ["prob/kl.py"]


def test_messages_and_annotations_have_no_automatic_mutants():
    automatic = pytest.importorskip("mutation.automatic")
    text = 'def f(x: 1 | 2 = 3, *, y):\n    if x > y:\n        raise E(f"{x + 1}")\n    return -x\n'
    changed = {automatic.mutant(text, *place)[1][0] for place in automatic.places(text)}
    places = list(automatic.places(text))
    assert changed == {1, 2, 4} and len(places) == 2 + 6 + 1
