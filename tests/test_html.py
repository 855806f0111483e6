"""What a notebook shows at the end of a cell: short, escaped, self-contained; a quiet bar."""

import dataclasses
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

import minigen as mg
from minigen.core.blocks import progress_bar
from minigen.training import Run


class Page(HTMLParser):
    """Tags must close in order; what would be fetched is kept."""

    def __init__(self, text):
        super().__init__()
        self.stack, self.fetched, self.words = [], [], ""
        self.feed(text)
        assert not self.stack, self.stack

    def handle_starttag(self, tag, attrs):
        if tag != "wbr":
            self.stack.append(tag)
        self.fetched += [v for k, v in attrs if k in ("src", "href") or "url(" in (v or "")]

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        self.words += data


class Wrong(mg.nn.Linear):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, grads | {"b": -grads["b"]}


def report(right):
    layer = mg.nn.Linear.init(3, 2, rng=np.random.default_rng(0), dtype=np.float64)
    if not right:
        wrong = Wrong(layer.W, layer.b)
        rng = np.random.default_rng(1)
        return mg.check.gradients(wrong, rng.standard_normal((4, 3)), rng=rng)
    rng = np.random.default_rng(1)
    return mg.check.gradients(layer, rng.standard_normal((4, 3)), rng=rng)


def trained():
    flow = mg.flows.real_nvp(2, layers=2, hidden=(8,), rng=np.random.default_rng(0))
    moons = mg.data.toy("moons")
    return flow, mg.fit(flow.nll, moons, steps=30, rng=np.random.default_rng(0), progress=False)


FORMS = {
    "flow": lambda: trained()[0],
    "run": lambda: trained()[1],
    "empty run": Run,
    "ddpm": lambda: mg.diffusion.ddpm(
        2, mg.diffusion.linear_schedule(5), hidden=4, blocks=1, rng=np.random.default_rng(0)
    ),
    "right report": lambda: report(True),
    "wrong report": lambda: report(False),
    "entry": lambda: mg.derivations.run("NVP-6", quick=True)[0].entry,
    "row": lambda: mg.derivations.run("NVP-6", quick=True)[0],
    "rows": lambda: mg.derivations.run("NVP", quick=True),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_well_made_and_fetches_nothing(name):
    text = FORMS[name]()._repr_html_()
    page = Page(text)
    assert not page.fetched and "<script" not in text and "<style" not in text
    assert page.words.strip()


def test_a_flow_is_a_tree_with_shapes_and_counts():
    flow = mg.flows.real_nvp(2, layers=3, hidden=(8,), rng=np.random.default_rng(0))
    words = Page(flow._repr_html_()).words
    assert f"Flow {flow.size} trained, float32" in re.sub(
        r"\s+", " ", words.replace("levels=0", "")
    )
    assert words.count("AffineCoupling") == 3 and words.count("8 x 2") == 3


def test_a_report_that_is_right_is_one_line_and_a_wrong_one_says_why():
    right, wrong = report(True)._repr_html_(), report(False)._repr_html_()
    assert "<details open" not in right and "all right" in right.partition("</summary>")[0]
    assert "<details open" in wrong and "params.b" in wrong and "sign" in wrong
    assert "params.W" not in Page(wrong).words


def test_a_run_shows_its_curve_and_its_loss():
    run = trained()[1]
    text = run._repr_html_()
    assert text.count("<polyline") == 2  # a toy is validated
    assert f"{run.best:.4f} at step {run.best_step}" in text and 'role="img"' in text
    alone = Run(steps=3, history={"loss": [3.0, np.nan, 1.0]})
    assert (
        repr(alone) == "Run(3 steps, loss 1.0000)" and alone._repr_html_().count("<polyline") == 1
    )


def test_words_of_users_are_escaped():
    @dataclasses.dataclass(frozen=True, eq=False, repr=False)
    class Mine(mg.core.Layer):
        name: str = "<script>alert(1)</script>"

    odd = mg.check.Report("<b>&", (mg.check.Row("<i>", mg.check.State.OK),))

    @mg.derivations.entry("<u>", r"\frac<x>{")
    def claim(rng):
        return 0.0

    for thing in (Mine(), odd, claim, mg.derivations.run(entries=[claim], quick=True)):
        text = thing._repr_html_()
        assert not re.search(r"<(script|i|u|x)>", text), text
        Page(text)


def test_the_bar_is_quiet_about_widgets_that_are_missing():
    """In a kernel without ipywidgets, tqdm.auto warns on standard error."""
    code = (
        "import io, sys, types\n"
        "sys.modules['ipywidgets'] = None\n"
        "import warnings; warnings.simplefilter('error')\n"
        "shell = types.SimpleNamespace(config={'IPKernelApp': {}})\n"
        "fake = types.ModuleType('IPython'); fake.get_ipython = lambda: shell\n"
        "sys.modules['IPython'] = fake\n"
        "from minigen.core.blocks import progress_bar\n"
        "sys.stderr = io.StringIO()  # the bar itself\n"
        "with progress_bar(2, 'step') as bar: bar.update(2)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_the_bar_is_that_of_tqdm_auto():
    from tqdm.auto import tqdm

    with progress_bar(1, "step") as bar:
        assert isinstance(bar, tqdm)


def test_a_picture_shows_from_a_script(tmp_path, monkeypatch, capsys):
    import webbrowser

    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(opened.append(address)) or True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    figure = mg.plot.lines({"a": ([0, 1], [0, 1])})
    figure.show()
    (address,) = opened
    (file,) = tmp_path.iterdir()
    assert address == file.as_uri() and file.read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    figure.show()
    assert "no window and no browser: the picture is" in capsys.readouterr().err
    assert figure._repr_png_().startswith(b"\x89PNG")  # it can be drawn again


def test_a_picture_opens_a_window_where_there_are_windows(tmp_path):
    (tmp_path / "windows.py").write_text(
        "from matplotlib.backends.backend_agg import FigureCanvasAgg\n"
        "from matplotlib.backend_bases import FigureManagerBase\n"
        "class Manager(FigureManagerBase):\n"
        "    @classmethod\n"
        "    def pyplot_show(cls, *, block=None): print('a window')\n"
        "class FigureCanvas(FigureCanvasAgg):\n"
        "    manager_class = Manager\n",
        encoding="utf-8",
    )
    code = (
        "import sys; sys.path.insert(0, '.')\n"
        "import matplotlib; matplotlib.use('module://windows')\n"
        "import matplotlib.pyplot as plt, windows\n"
        "plt.switch_backend('module://windows')\n"
        "windows.FigureCanvas.required_interactive_framework = 'mine'\n"
        "import minigen as mg\n"
        "mg.plot.lines({'a': ([0, 1], [0, 1])}).show()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, encoding="utf-8"
    )
    assert (done.stdout, done.returncode) == ("a window\n", 0), done.stderr
