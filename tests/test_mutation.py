"""A sample of the mutation campaigns (tests/mutation): planted mistakes are caught."""

import os
import random
import re
import signal
import subprocess
import sys
import types

import numpy as np
import pytest
from mutation import checker, copies, equivalent, forks, history, packages, source, survivors
from mutation.judge import SCALES, Point, verdict
from mutation.planted import PLANTED
from mutation.syntax import Mutant, mutants
from mutation.targets import Target, draw, targets

from minigen.data import toy
from minigen.flows import AffineCoupling

BANKS = {p.name: p for bank in (history.BANK, checker.BANK) for p in bank}


def target(cls, name="backward"):
    return next(t for t in targets() if t.owner is cls and t.name == name)


def sample(count=45):
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
            v = verdict(t, mutant, scale)
            assert v.caught or not v.changed, (t.label, mutant.before, mutant.after, scale)
            counted += v.changed > 0
    assert counted > 120  # most of them change an output


def test_every_backward_of_the_package_has_mutants():
    found = {(t.owner, t.name) for t in targets()}
    assert (AffineCoupling, "backward_inverse") in found and len(found) > 80
    assert len(list(mutants(AffineCoupling.backward_inverse))) > 50


def test_what_changes_no_output_is_not_counted():
    t = target(AffineCoupling)
    same = Mutant("none", "", "", t.function)
    v = verdict(t, same, 1.0)
    assert not v.changed and not v.caught and not v.raised


def test_a_mutant_is_taken_away_again():
    t = target(AffineCoupling)
    mutant = next(mutants(t.function))
    with t.replaced(mutant.function):
        assert AffineCoupling.backward is mutant.function
    assert AffineCoupling.backward is t.function


@pytest.mark.parametrize("package", packages.MAKERS)
def test_a_wrong_sign_passes_other_packages_at_a_small_loss_and_not_ours(package):
    pytest.importorskip(package)
    t = target(AffineCoupling)
    case = draw("AffineCoupling", 0)
    for scale, others in ((1.0, {package}), (1e-7, set())):
        point = Point("AffineCoupling", case.layer, case.inputs, case.given, scale, 0)
        assert package not in point.others.accusing and not point.caught(0)
        with t.replaced(lambda self, *args: flipped(t.function(self, *args))):
            assert point.others.objecting() & {package} == others
            assert point.caught(0)


def flipped(out):
    dx, *rest = out
    return -dx, *rest


def test_other_packages_are_given_the_layer_as_it_is():
    case = draw("AffineCoupling with context", 0)
    point = Point("", case.layer, case.inputs, case.given, 1.0, 0)
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
    text = (copies.ROOT / "minigen" / planted.file).read_text(encoding="utf-8")
    assert planted.source(text) != text
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
        assert copy.judged(planted).startswith("tests/")


def test_scaled_layers_are_scaled():
    t = Target(AffineCoupling, "backward", AffineCoupling.backward, ("AffineCoupling",))
    case = draw("AffineCoupling", 1)
    big, small = (Point("", case.layer, case.inputs, case.given, s, 0).right for s in (1.0, 1e-6))
    assert t.label == "AffineCoupling.backward"
    for name, g in big.items():
        np.testing.assert_allclose(small[name], 1e-6 * g, rtol=1e-12)


FORKED = """
from mutation import copies, forks
with copies.Copy() as copy:
    path = copy.root / "minigen/kernels/gather.py"
    recorder = forks.recorded(copy.root, ["tests/test_kernels.py"], {"MINIGEN_BACKEND": "numpy"})
    tests = recorder.tests("minigen/kernels/gather.py")
    forks.forget(path)
    for old, new in (("", ""), ("x.take", "-x.take"), ("return", "while 1: pass\\n    return")):
        path.write_text(path.read_text().replace(old, new))
        print(*forks.judged(copy.root, tests, {"MINIGEN_BACKEND": "numpy"}, 1))
"""


def test_a_mutant_of_the_source_is_judged_in_a_fork_by_the_tests_that_call_it():
    where = copies.ROOT / "tests"
    command = [sys.executable, "-c", FORKED]
    out = subprocess.run(command, cwd=where, capture_output=True, text=True, check=True).stdout
    first = "tests/test_kernels.py::test_a_permutation_is_gathered"
    assert out.splitlines() == ["0 ", f"1 {first}", f"{-signal.SIGPROF} "]


def test_whoever_makes_an_object_calls_the_file_of_its_class():
    recorder = forks.Recorder()
    run = recorder.pytest_runtest_protocol(types.SimpleNamespace(nodeid="a test"))
    next(run)
    toy("pinwheel")
    with pytest.raises(StopIteration):
        run.send(None)
    where = os.path.relpath(copies.ROOT / "minigen/data/transported.py")
    assert where in recorder.files["a test"]


def test_every_module_with_mathematics_has_automatic_mutants():
    files = source.modules()
    assert {"prob/kl.py", "kernels/spline.py", "check/tolerance.py", "core/tree.py"} <= set(files)
    assert source.modules(["prob"]) == [f for f in files if f.startswith("prob/")]
    assert source.modules(["prob/kl.py"]) == ["prob/kl.py"]


def test_a_line_called_equivalent_is_one_of_a_mutant():
    both = equivalent.EQUIVALENT, equivalent.CHOSEN
    for file, reasons in (item for known in both for item in known.items()):
        text = (copies.ROOT / "minigen" / file).read_text(encoding="utf-8")
        lines = {line.strip() for line in text.splitlines()}
        assert not lines.intersection(x for changed in reasons.values() for x in changed), file


def test_a_survivor_is_a_gap_until_it_is_explained(monkeypatch):
    record = {"mutants": 9, "judged": 4, "hung": 1, "alive": [[7, "a + b", "a - b"]]}
    monkeypatch.setattr(survivors, "EQUIVALENT", {})
    assert "| x.py | 9 | 4 | 3 | 1 | 0 | 1 |" in survivors.summary({"x.py": record})
    monkeypatch.setattr(survivors, "EQUIVALENT", {"x.py": {"b is 0": ("a - b",)}})
    text = survivors.summary({"x.py": record})
    assert "| x.py | 9 | 4 | 3 | 1 | 1 | 0 |" in text and "- b is 0" in text


def test_messages_and_annotations_have_no_automatic_mutants():
    automatic = pytest.importorskip("mutation.automatic")
    text = 'def f(x: 1 | 2 = 3, *, y):\n    if x > y:\n        raise E(f"{x + 1}")\n    return -x\n'
    changed = {automatic.mutant(text, *place)[1][0] for place in automatic.places(text)}
    places = list(automatic.places(text))
    assert changed == {1, 2, 4} and len(places) == 2 + 6 + 1
