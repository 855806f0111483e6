"""Without numba everything runs in NumPy, with the same numbers, and that is said once."""

import json
import subprocess
import sys

import numpy as np
import pytest

ABSENT = "import sys; sys.modules['numba'] = None"
BROKEN = """
import sys
class Broken:
    def find_spec(self, name, path=None, target=None):
        if name == "numba":
            raise ImportError("Numba needs NumPy 2.2 or less")
sys.meta_path.insert(0, Broken())
"""
TRAIN = """
import json, sys
import numpy as np, minigen as mg
rng, found = np.random.default_rng(0), []
for make in mg.flows.real_nvp, mg.flows.maf, mg.flows.neural_spline:
    flow = make(2, layers=2, hidden=(8,), rng=rng, dtype=np.float64)
    run = mg.fit(flow.nll, mg.data.toy("moons"), steps=5, rng=rng, progress=False)
    found += [*run.history["loss"], *flow.sample(2, rng=rng).ravel()]
x, labels = rng.standard_normal((40, 5)), np.arange(40) % 4
mg.fit(mg.metric.embedding(5, 2, rng=rng), mg.metric.Balanced(x, labels), steps=5, rng=rng,
       progress=False)
print(json.dumps([float(v) for v in found]))
print(bool(sys.modules.get("numba")))
"""


def run(code, *options):
    """Standard output and error of a fresh process."""
    done = subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    "block, words",
    [(ABSENT, "numba is not installed"), (BROKEN, "numba cannot be imported (Numba needs NumPy")],
    ids=["absent", "broken"],
)
def test_training_without_numba_gives_the_same_numbers_and_says_so_once(block, words):
    out, said = run(block + TRAIN)
    numbers, loaded = out.splitlines()
    assert loaded == "False" and said.count(words) == said.count("Warning") == 1
    usual, _ = run(TRAIN)
    np.testing.assert_allclose(json.loads(numbers), json.loads(usual.splitlines()[0]), rtol=1e-9)


def test_who_has_chosen_numpy_is_told_nothing():
    choice = "import os; os.environ['MINIGEN_BACKEND'] = 'numpy'\n"
    assert run(ABSENT + "\n" + choice + TRAIN, "-W", "error")[1] == ""


def test_the_bench_runs_without_numba():
    code = "from minigen.cli.main import main; sys.exit(main(['bench', 'profile', 'memory', '--json']))"
    out, said = run(ABSENT + "\n" + code)
    assert "numba" not in json.loads(out)["machine"]["versions"] and "Traceback" not in said
