"""The browser edition: tutorials run whole in Chromium, with Pyodide and nothing from outside.

Runs where Chromium, JupyterLite and a Pyodide distribution are: a folder with `pyodide.js` and the
wheels of NumPy, SciPy and matplotlib, named by MINIGEN_PYODIDE.
"""

import functools
import http.server
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from browser import started

ROOT = pathlib.Path(__file__).parent.parent
LITE = ROOT / "tutorials" / "lite"
PYODIDE = os.environ.get("MINIGEN_PYODIDE", "")
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
NOTEBOOK = "const app = window.jupyterapp, page = app && app.shell.currentWidget;"
READY = NOTEBOOK + (
    "const kernel = page && page.sessionContext && page.sessionContext.session"
    " && page.sessionContext.session.kernel;"
    "return Boolean(kernel && kernel.status == 'idle' && page.content.widgets.length > 1)"
)
RUN = NOTEBOOK + (
    "app.commands.execute('notebook:clear-all-cell-outputs');"
    "app.commands.execute('notebook:run-all-cells')"
)
CELLS = NOTEBOOK + (  # [number or null, source, outputs] of each cell of code
    "return page.content.widgets.filter(c => c.model.type == 'code')"
    ".map(c => [c.model.executionCount, c.model.sharedModel.source, c.model.outputs.toJSON()])"
)
EXECUTE = NOTEBOOK + (  # the texts that some code prints
    "let said = '';"
    "const asked = page.sessionContext.session.kernel.requestExecute({code: arguments[0]});"
    "asked.onIOPub = m => { const c = m.content;"
    " said += c.text || (c.traceback || []).join('\\n'); };"
    "asked.done.then(answer => done([answer.content.status, said]))"
)


def test_the_network_address_of_pyodide_is_one_line():
    text = (LITE / "jupyter-lite.json").read_text(encoding="utf-8")
    (line,) = (line for line in text.splitlines() if "https://" in line)
    assert "cdn.jsdelivr.net/pyodide/v0.27.7/full/pyodide.js" in line and json.loads(text)


def test_every_notebook_begins_by_installing_minigen(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    spec = importlib.util.spec_from_file_location("build_lite", LITE / "build.py")
    assert spec and spec.loader
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    build.contents(tmp_path / "files")
    found = sorted(p.relative_to(tmp_path / "files") for p in tmp_path.rglob("*.ipynb"))
    tutorials = list((ROOT / "tutorials").glob("[0-9][0-9]_*.ipynb"))
    assert len(found) == len(tutorials) + 8
    for path in found:
        notebook = nbformat.read(tmp_path / "files" / path, as_version=4)
        nbformat.validate(notebook)
        assert notebook.cells[0].source.endswith("%pip install -q minigen")
        if path.parent.name == "homework":
            assert (tmp_path / "files" / path.with_suffix(".py")).is_file()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of the site, which one command has built."""
    if not pathlib.Path(PYODIDE, "pyodide.js").is_file():
        pytest.skip("MINIGEN_PYODIDE names no Pyodide distribution")
    pytest.importorskip("jupyterlite_core")
    folder = tmp_path_factory.mktemp("lite") / "site"
    command = [sys.executable, str(LITE / "build.py"), "--out", str(folder), "--pyodide", PYODIDE]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    settings = folder / "jupyter-lite.json"
    options = json.loads(settings.read_text(encoding="utf-8"))
    options["jupyter-config-data"]["exposeAppInBrowser"] = True  # for this test to press its keys
    settings.write_text(json.dumps(options), encoding="utf-8")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    serve = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with started(OFFLINE, patience=600) as here:
        here.post("/timeouts", {"script": 590_000})
        yield here


def until(seconds, value, *, enough: Callable = bool):
    """The first value that is enough; the last one when the time is over."""
    end = time.monotonic() + seconds
    while not enough(found := value()) and time.monotonic() < end:
        time.sleep(0.3)
    return found


def opened(browser, site, path):
    browser.open(f"{site}/notebooks/index.html?path={path}")
    assert until(240, lambda: browser.run(READY)), browser.log("browser")


@pytest.mark.parametrize(
    "name", ["00_contract", "01_change_of_variables", "02_real_nvp", "05_elbo"]
)
def test_a_tutorial_runs_from_its_first_cell_to_its_last(browser, site, name):
    begin = time.monotonic()
    opened(browser, site, f"{name}.ipynb")
    browser.run(RUN)
    first = []

    def failed(cells):
        return [o for cell in cells for o in cell[2] if o["output_type"] == "error"]

    def over(cells):
        if not first and cells[1][0]:  # the first cell of the tutorial, after the installation
            first.append(time.monotonic() - begin)
        return failed(cells) or all(number for number, _, _ in cells)

    cells = until(1200, lambda: browser.run(CELLS), enough=over)
    errors = [f"{o['ename']}: {o['evalue']}" for o in failed(cells)]
    assert not errors and [number for number, _, _ in cells] == [*range(1, len(cells) + 1)]
    said = "".join("".join(o.get("text", "")) for _, _, outputs in cells for o in outputs)
    assert said.count("numba is not installed") <= 1
    pictures = [o for _, _, outputs in cells for o in outputs if "image/png" in o.get("data", {})]
    assert pictures
    whole = time.monotonic() - begin
    print(f"{name}: {len(cells)} cells, first after {first[0]:.0f} s, all after {whole:.0f} s")


EVERYTHING = """
import importlib, pathlib, warnings
import numpy as np, minigen as mg
warnings.simplefilter("error")
warnings.filterwarnings("ignore", "numba is not installed")
here = pathlib.Path(mg.__file__).parent
names = [p.relative_to(here).with_suffix("").parts for p in here.rglob("*.py")]
names = [".".join(("minigen", *n)).removesuffix(".__init__") for n in names]
names = [n for n in names if n.rpartition(".")[2] not in ("__main__", "jail", "ownroot", "worker")]
for name in names:
    importlib.import_module(name)
rng, toy = np.random.default_rng(0), mg.data.toy("moons")
x = toy.sample(64, rng=rng)
for make in mg.flows.real_nvp, mg.flows.maf, mg.flows.neural_spline:
    flow = make(2, layers=2, hidden=(8,), rng=rng)
    run = mg.fit(flow.nll, toy, steps=10, rng=rng, progress=False)
    assert np.isfinite(flow.log_prob(x)).all() and flow.sample(5, rng=rng).shape == (5, 2)
    assert mg.check.gradients(flow.nll, x[:4], rng=rng)
    assert mg.check.bijection(flow.chain, x[:4], rng=rng)
model = mg.diffusion.ddpm(2, mg.diffusion.cosine_schedule(10), hidden=8, rng=rng)
mg.fit(model, toy, steps=10, rng=rng, progress=False)
assert model.sample(5, rng=rng).shape == (5, 2)
for picture in mg.plot.training(run), mg.plot.density(flow, toy):
    assert picture._repr_png_()[:4] == b"\\x89PNG"
mg.save("/tmp/flow.npz", flow)
assert np.array_equal(mg.load("/tmp/flow.npz").log_prob(x), flow.log_prob(x))
from minigen.cli.main import main
assert main(["check", "--quick"]) == 0
print(len(names), "modules")
"""
HOMEWORK = """
import pathlib
from minigen import homework
from minigen.homework import assignments
from minigen.homework.handout import blanks
pathlib.Path("/tmp/coupling.py").write_text(
    blanks.solved(assignments.get("coupling")), encoding="utf-8"
)
report = homework.check("/tmp/coupling.py")
assert report and report.earned == report.points
print(report)
try:
    homework.grade("/tmp", "a key of mine", "/tmp/graded")
except homework.Refused as error:
    print("refused:", error)
"""


def printed(browser, code):
    status, said = browser.wait(EXECUTE, code)
    assert status == "ok", said[-3000:]
    return said


def test_the_package_works_in_a_browser(browser, site):
    """Every module is imported; flows, splines, diffusion, checks, pictures and the notes run."""
    opened(browser, site, "09_markov.ipynb")
    printed(browser, "%pip install -q minigen")
    said = printed(browser, EVERYTHING)
    assert int(said.split()[-2]) > 200, said


def test_homework_is_checked_in_the_page_and_graded_elsewhere(browser, site):
    opened(browser, site, "homework/coupling.ipynb")
    printed(browser, "%pip install -q minigen")
    said = printed(browser, HOMEWORK)
    assert "a browser has no processes" in " ".join(said.split())
    assert "refused: a wall needs processes" in said
    browser.run(RUN)  # the notebook finds the blank module beside it
    cells = until(300, lambda: browser.run(CELLS), enough=lambda found: all(c[0] for c in found))
    outputs = json.dumps([cell[2] for cell in cells])
    assert " 0 of " in outputs and "WRONG" not in outputs


def test_nothing_is_fetched_from_elsewhere(browser, site):
    browser.log("performance")
    opened(browser, site, "00_contract.ipynb")
    printed(browser, "%pip install -q minigen\nimport minigen")
    sent = [json.loads(entry["message"])["message"] for entry in browser.log("performance")]
    urls = {
        m["params"]["request"]["url"] for m in sent if m["method"] == "Network.requestWillBeSent"
    }
    assert [u for u in urls if not u.startswith((site, "data:", "blob:"))] == []
