"""Imports go down, never up, and chapters never import each other."""

import ast
import pathlib
import subprocess
import sys

import pytest

from minigen.bench import cold

ROOT = pathlib.Path(__file__).parent.parent
FLOOR = {
    "core": 0,
    "kernels": 0.5,  # the compiler's cache is written and held like other files
    **dict.fromkeys(["nn", "prob", "check", "data"], 1),
    **dict.fromkeys(["flows", "diffusion", "metric", "markov"], 2),
    **dict.fromkeys(["training", "plot"], 3),
    **dict.fromkeys(["audit", "derivations", "homework", "bench"], 4),
    "cli": 5,
}
FILES = sorted((ROOT / "minigen").glob("*/**/*.py"))


def imported(source, path):
    """The dotted names that a file's text imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def climbs(here, name):
    """Whether a file of folder `here` may not import the dotted `name`."""
    parts = name.split(".")
    if parts[0] != "minigen":
        used = {"image", "ft2font", "get_data_path"}  # by readers of .png files and of fonts
        reads = here == "data" and name in {f"matplotlib.{thing}" for thing in used}
        return parts[0] == "matplotlib" and here != "plot" and not reads
    there = parts[1] if len(parts) > 1 else ""
    if there == "__version__":
        return False
    return there != here and not FLOOR.get(there, 9) < FLOOR[here]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down(path):
    here = path.relative_to(ROOT / "minigen").parts[0]
    up = [name for name in imported(path.read_text(encoding="utf-8"), path) if climbs(here, name)]
    assert not up, f"{path} imports {up}"


@pytest.mark.parametrize(
    "here, name",
    [
        ("nn", "minigen.flows.coupling"),
        ("flows", "minigen.diffusion.schedule"),
        ("flows", "minigen"),
        ("derivations", "minigen"),
        ("core", "minigen.kernels.jit"),
        ("flows", "matplotlib.pyplot"),
        ("data", "matplotlib.pyplot"),
    ],
)
def test_a_planted_climb_is_seen(here, name):
    assert climbs(here, name)


def loaded(code, names):
    """Those of the modules `names` that a fresh process has loaded after `code`."""
    ask = f"{code}\nimport sys; print(*[m for m in {names!r} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, encoding="utf-8", check=True
    )
    return run.stdout.split()


def test_import_minigen_is_light():
    """No matplotlib, no numba, no scipy: submodules load on first use."""
    assert loaded("import minigen", ("matplotlib", "numba", "scipy")) == []


def test_the_first_step_loads_what_it_needs():
    """Beside NumPy and what numba itself asks for, nothing that is slow to import."""
    parts = ("special", "stats", "sparse", "spatial", "integrate", "interpolate", "optimize")
    slow = ("matplotlib", "tqdm", *(f"scipy.{part}" for part in parts))
    asked = loaded("import scipy.linalg", slow)  # by numba; SciPy 1.13 imports scipy.sparse for it
    assert set(loaded(cold.STEP, slow)) <= set(asked) <= {"scipy.sparse"}
    assert loaded("import minigen.flows", ("numba", "scipy.linalg", *slow)) == []
