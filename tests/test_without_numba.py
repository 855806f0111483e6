"""Without numba everything runs in NumPy, and that is said once."""

import json
import subprocess
import sys

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
KERNEL = """
from minigen.kernels import dense
import numpy as np
for _ in range(2):
    print(dense.product(np.ones((3, 1)), np.ones((1, 2))).shape)
"""
TRAIN = """
import json, sys
import numpy as np, minigen as mg
rng, found = np.random.default_rng(0), []
quiet = {"steps": 3, "rng": rng, "progress": False}
for make in mg.flows.real_nvp, mg.flows.maf, mg.flows.neural_spline:
    flow = make(2, layers=2, hidden=(8,), rng=rng)
    found += mg.fit(flow.nll, mg.data.toy("moons"), **quiet).history["loss"]
x, labels = rng.standard_normal((40, 5)), np.arange(40) % 4
mg.fit(mg.metric.embedding(5, 2, rng=rng), mg.metric.Balanced(x, labels), **quiet)
print(json.dumps([float(v) for v in found]))
"""
CHOSEN = "import os; os.environ['MINIGEN_BACKEND'] = 'numpy'"


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
def test_a_loop_runs_in_numpy_and_that_is_said_once(block, words):
    out, said = run(block + KERNEL)
    assert out.split() == ["(3,", "2)"] * 2
    assert said.count(words) == said.count("Warning") == 1


def test_training_without_numba_is_training_in_numpy():
    numbers, said = run(ABSENT + TRAIN, "-W", "error", "-W", "ignore:numba is not installed")
    assert said == "" and len(json.loads(numbers)) > 2
    assert run(CHOSEN + TRAIN, "-W", "error") == (numbers, "")  # who chooses it is told nothing


def test_the_bench_describes_and_measures_a_machine_without_numba():
    code = """
from minigen.bench import cold
from minigen.cli.main import main
assert cold.LIBRARIES == "numpy"
sys.exit(main(["bench", "memory", "--json"]))
"""
    out, said = run(ABSENT + code)
    assert "numba" not in json.loads(out)["machine"]["versions"] and "Traceback" not in said
