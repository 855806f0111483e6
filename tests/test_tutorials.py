"""Every tutorial runs, from its first line to its last, and its notebook is made from it."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent.parent / "tutorials"
SOURCES = sorted(HERE.glob("[0-9][0-9]_*.py"))
tutorials = pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)


@tutorials
def test_a_tutorial_runs_as_a_script_without_a_warning(source):
    environment = os.environ | {"MPLBACKEND": "Agg"}
    run = subprocess.run(
        [sys.executable, "-W", "error", source.name],
        cwd=HERE, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    assert "nan" not in run.stdout.lower().split()


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
    text = path.read_text(encoding="utf-8")
    assert str(pathlib.Path.home()) not in text and "site-packages" not in text


def test_the_page_on_the_tutorials_links_to_each_of_them_and_to_nothing_else():
    page = (HERE / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\((\w+)\.ipynb\)", page))
    assert linked == {source.stem for source in SOURCES}
