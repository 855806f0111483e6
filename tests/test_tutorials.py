"""Every tutorial runs, from its first line to its last, and its notebook is made from it."""

import ast
import importlib
import os
import pathlib
import re
import subprocess
import sys

import pytest
import test_tutorials_form as form

from minigen.cli.main import main

ROOT = pathlib.Path(__file__).parent.parent
HERE = ROOT / "tutorials"
SOURCES = sorted(HERE.glob("[0-9][0-9]_*.py"))
STRICT = """import warnings
warnings.filterwarnings("error", module="minigen|__main__")
warnings.filterwarnings("ignore", message="numba is not")
"""
tutorials = pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)


@tutorials
def test_a_tutorial_runs_as_a_script_without_a_warning(source, tmp_path):
    """With its exercises not done, and each done rightly and wrongly: its check says so."""
    environment = os.environ | {"MPLBACKEND": "Agg"}
    script, exercises = tmp_path / source.name, form.exercises(source)
    script.write_text(STRICT + form.worked(source), encoding="utf-8")
    run = subprocess.run([sys.executable, str(script)], cwd=HERE, env=environment,
                         capture_output=True, encoding="utf-8", timeout=900)  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    assert "nan" not in run.stdout.lower().split()
    asked, *done = run.stdout.split("worked:\n")
    assert len(done) == len(exercises)
    for part in done:
        right, _, rest = part.partition("spoilt:\n")
        wrong = rest.partition("done\n")[0]
        assert "right" in right.splitlines() and "not yet" in wrong, part[:2000]
        assert "right" not in wrong.splitlines(), wrong
    assert form.WAITING in asked


def offered():
    """{package: its `__all__`} of every package of minigen that offers something."""
    folders = [path.parent.relative_to(ROOT) for path in (ROOT / "minigen").rglob("__init__.py")]
    packages = [importlib.import_module(".".join(folder.parts)) for folder in folders]
    return {p.__name__: p.__all__ for p in packages if getattr(p, "__all__", ())}


def names_from_minigen(code):
    """The dotted names that a text imports from minigen or reads from `mg`."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("minigen."):
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("minigen."))
        elif isinstance(node, ast.Attribute) and re.match(r"mg(\.\w+)+$", ast.unparse(node)):
            yield "minigen" + ast.unparse(node)[2:]


def private(code):
    """The names of minigen in a text that no `__all__` has."""
    packages, found = offered(), []
    for name in names_from_minigen(code):
        package = max((p for p in packages if f"{name}.".startswith(f"{p}.")), key=len)
        first = name[len(package) + 1 :].split(".")[0]
        found += [name] if first and first not in packages[package] else []
    return found


@tutorials
def test_a_tutorial_uses_public_names_only(source):
    assert not private(source.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("from minigen.core import tree", ["minigen.core.tree"]),
        ("from minigen.metric.triplet import TripletLoss", ["minigen.metric.triplet.TripletLoss"]),
        ("import minigen.plot.style", ["minigen.plot.style"]),
        ("mg.kernels", ["minigen.kernels"]),
        ("mg.core.tree.rebuild(f)", ["minigen.core.tree.rebuild", "minigen.core.tree"]),
        ("from minigen.flows import NLL\nmg.flows.NLL.forward", []),
        ("from minigen.derivations.museum import visit", []),
    ],
)
def test_a_private_name_is_found(code, found):
    assert private(code) == found


@tutorials
def test_a_notebook_is_made_from_its_source_and_holds_its_outputs(source):
    jupytext, nbformat = pytest.importorskip("jupytext"), pytest.importorskip("nbformat")
    sys.path.insert(0, str(HERE))
    try:
        import build
    finally:
        sys.path.remove(str(HERE))
    path = source.with_suffix(".ipynb")
    assert path.exists() and not build.stale(source), "stale: run python tutorials/build.py"
    assert path.stat().st_size < build.LARGEST
    notebook = nbformat.read(path, as_version=4)
    cells = [(c.cell_type, c.source) for c in notebook.cells]
    assert cells == [(c.cell_type, c.source) for c in jupytext.read(source).cells]
    code = [c for c in notebook.cells if c.cell_type == "code"]
    outputs = [o for c in code for o in c.outputs]
    assert outputs and all(c.execution_count for c in code if c.source.strip())
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert all(o.metadata["image/png"]["alt"] for o in pictures)
    text = path.read_text(encoding="utf-8")
    assert str(pathlib.Path.home()) not in text and "site-packages" not in text


def test_the_commands_and_links_of_the_tutorials_lead_somewhere(capsys):
    texts = "".join(source.read_text(encoding="utf-8") for source in SOURCES)
    ids = re.findall(r"`minigen check (\S+)`", texts)
    assert len(ids) >= 4 and main(["check", *ids, "--list"]) == 0
    main(["homework", "list"])
    known = {line.split()[1] for line in capsys.readouterr().out.splitlines() if line[0].isdigit()}
    assert known == {*re.findall(r"`minigen homework start (\S+)`", texts)}
    assert {*re.findall(r"\]\((\w+)\.ipynb\)", texts)} <= {source.stem for source in SOURCES}


def test_the_page_on_the_tutorials_links_to_each_of_them_and_to_nothing_else():
    page = (HERE / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\((\w+)\.ipynb\)", page))
    assert linked == {source.stem for source in SOURCES}
