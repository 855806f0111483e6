"""The demo's report: a result first, captions that are true, nothing wider than a phone."""

import pathlib
import re
import shlex

import numpy as np
import pytest
from test_check_page import browser  # noqa: F401 - a fixture

from minigen import plot
from minigen.cli import files, main, results
from minigen.cli.chapter import Chapter, Shot
from minigen.cli.report import html, tutorials

CHAPTERS = sorted(pathlib.Path(main.__file__).parent.glob("chapters/*.py"))
SOURCES = "".join(path.read_text(encoding="utf-8") for path in CHAPTERS)
COMMANDS = re.findall(r'"(minigen (?:train|sample|evaluate) [^"{]+)"', SOURCES)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_makes_more_is_one_that_minigen_takes(command):
    args = main.parser().parse_args(shlex.split(command)[1:])
    assert args is not None


def test_every_chapter_has_commands_and_tutorials_that_are_there():
    assert len(COMMANDS) == 12
    root = pathlib.Path(__file__).parent.parent
    names = set(re.findall(r'"(\d\d_\w+)"', SOURCES))
    assert len(names) >= 10
    assert all((root / "tutorials" / f"{name}.py").is_file() for name in names)


@pytest.fixture
def report(tmp_path, rng, monkeypatch):
    monkeypatch.chdir(pathlib.Path(__file__).parent.parent)  # a checkout, whatever is installed
    frames = [rng.standard_normal((50, 2)) for _ in range(6)]
    shots = [
        Shot("film", plot.filmstrip(frames), "Six frames of <noise>."),
        Shot("points", plot.samples(frames[0]), "Points."),
    ]
    for shot in shots:
        files.write_picture(tmp_path / f"{shot.name}.png", shot.figure)
    beside = {"uniform": 4.0875, "independent pixels": 2.4239, "full-covariance Gaussian": 2.9655}
    measure = "bits/dim, discrete (bound)"
    row = results.Row("real_nvp_image", "moons, 4096 points", measure, 2.0556, 0.0058, beside)
    more = ("minigen train real_nvp --data moons --out m.npz",)
    said = "KL is 0.01. It is small."
    chapter = Chapter(
        "Real NVP & NICE", "text " * 40, [row] * 3, shots, said, ("02_real_nvp",), more
    )
    path = tmp_path / "report.html"
    path.write_text(html("minigen demo", [chapter, chapter], tmp_path), encoding="utf-8")
    return path


def test_the_result_comes_first_and_the_table_after_the_pictures(report):
    page = report.read_text(encoding="utf-8")
    parts = [
        "<nav",
        'class="result">KL is 0.01. It is small.',
        "<figure>",
        "<table>",
        "tutorial 02",
    ]
    places = [page.index(part) for part in parts]
    assert places == sorted(places)
    assert '<a href="#real-nvp-nice">Real NVP &amp; NICE</a><span>KL is 0.01.</span>' in page
    assert "2.0556 \N{PLUS-MINUS SIGN} 0.0058" in page and "minigen train real_nvp" in page
    assert f'{tutorials(report.parent)}/02_real_nvp.ipynb"' in page


def test_a_caption_is_the_text_of_its_picture(report):
    page = report.read_text(encoding="utf-8")
    texts = re.findall(r'<img alt="([^"]*)"', page)
    assert texts == re.findall(r"<figcaption>([^<]*)</figcaption>", page)
    assert "Six frames of &lt;noise&gt;." in texts


@pytest.mark.parametrize("width", [1280, 390], ids=["desk", "phone"])
def test_the_report_fits_its_screen_by_day_and_by_night(browser, report, width):  # noqa: F811
    grounds = []
    for scheme in ("light", "dark"):
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.chrome("Emulation.setEmulatedMedia", media)
        browser.open(report.as_uri(), width)
        seen = browser.run(
            "const table = document.querySelector('table');"
            "const film = document.querySelector('.wide img');"
            "return {wide: document.documentElement.scrollWidth, table: table.scrollWidth,"
            " film: film.getBoundingClientRect().width,"
            " ground: getComputedStyle(document.body).backgroundColor}"
        )
        assert seen["wide"] <= width and seen["table"] <= width
        assert seen["film"] >= 600  # small frames are scrolled, not shrunk
        grounds.append(seen["ground"])
    browser.chrome("Emulation.setEmulatedMedia", {"features": []})
    assert grounds[0] != grounds[1]
    assert not browser.log("browser")


def test_masks_have_all_their_lines():
    """A line between all units: twelve looked like ten."""
    figure = plot.masks([np.ones((5, 12)), np.ones((12, 10))])
    for panel, (rows, columns) in zip(figure.axes, [(5, 12), (12, 10), (5, 10)], strict=True):
        figure.canvas.draw()
        assert len(panel.xaxis.get_minorticklocs()) == columns + 1
        assert len(panel.yaxis.get_minorticklocs()) == rows + 1


def test_the_ticks_of_a_cost_are_the_sizes_that_were_measured():
    figure = plot.cost({"a": ([4, 16, 63], [1e-3, 2e-3, 3e-3])})
    (panel,) = figure.axes
    assert [t.get_text() for t in panel.get_xticklabels()] == ["4", "16", "63"]
    assert panel.get_ylabel() == "milliseconds" and not len(panel.xaxis.get_minorticklocs())
