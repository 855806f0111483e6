"""What a lecture needs: the plan names what there is, slides and handout lose nothing in print."""

import base64
import importlib
import json
import pathlib
import re
import sys

import pytest
from test_check_page import browser  # noqa: F401 - a fixture

from minigen.derivations import notes
from minigen.derivations.page.handout import handout
from minigen.homework.assignments import NAMES

ROOT = pathlib.Path(__file__).parent.parent
PLAN = (ROOT / "docs/teaching/weeks.md").read_text(encoding="utf-8")
TUTORIALS = sorted((ROOT / "tutorials").glob("[0-9][0-9]_*.ipynb"))
PAGE = re.compile(rb"/Type\s*/Page\b(?!s)")  # of a PDF


@pytest.fixture(scope="module")
def made():
    """The module that makes the slides."""
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        yield importlib.import_module("site_parts.slides")
    finally:
        sys.path.remove(str(ROOT / "docs"))


def test_a_link_to_an_entry_finds_its_place_on_a_code_host(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    made = importlib.import_module("site_parts.entry_list")
    page = made.PAGE.read_text(encoding="utf-8")
    assert page == made.equations(page), "python docs/site_parts/entry_list.py writes it again"
    links = [
        place
        for path in (ROOT / "tutorials").glob("[0-9][0-9]_*.py")
        for place in re.findall(r"docs/notes\.md#([\w-]+)", path.read_text(encoding="utf-8"))
    ]
    assert links and {*links} <= {*re.findall(r'<a id="([\w-]+)"></a>', page)}


def pictures_of(path):
    """The alternative texts of a notebook's pictures, in order."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                yield output["metadata"]["image/png"]["alt"]


def weeks():
    """The rows of the plan."""
    rows = re.findall(r"^\| (\d+) \|(.+)\|$", PLAN, re.MULTILINE)
    return {int(week): [cell.strip() for cell in row.split("|")] for week, row in rows}


def test_the_plan_has_fourteen_weeks_with_every_tutorial_and_every_assignment():
    assert list(weeks()) == list(range(1, 15))
    assert set(re.findall(r"tutorials/(\w+)\.ipynb", PLAN)) == {p.stem for p in TUTORIALS}
    named = {name for row in weeks().values() for name in re.findall(r"`(\w+)`", row[3])}
    assert named == set(NAMES)


def test_the_minutes_of_the_plan_are_those_of_the_tutorials():
    page = (ROOT / "tutorials/README.md").read_text(encoding="utf-8")
    minutes = dict(re.findall(r"^\| (\d\d) \|.*\| (\d+) \|$", page, re.MULTILINE))
    assert len(minutes) == len(TUTORIALS)
    for numbers, time in ((re.findall(r"\[(\d\d)\]", r[1]), int(r[2])) for r in weeks().values()):
        if numbers != ["03"]:  # in two weeks
            assert time == sum(int(minutes[n]) for n in numbers), numbers
    assert sum(int(r[2]) for r in weeks().values() if "[03]" in r[1]) == int(minutes["03"])


def test_a_week_needs_only_weeks_before_it():
    for week, row in weeks().items():
        assert all(int(n) < week for n in re.findall(r"\d+", row[5]))


def test_every_picture_of_the_tutorials_is_on_a_slide_with_its_words(made):
    page = made.slides()
    assert "<script" not in page and not re.search(r'src="(?!data:)', page)
    for path in TUTORIALS:
        shown, alts = list(made.pictures(path)), list(pictures_of(path))
        assert [picture.alt for picture in shown] == alts and alts
        assert all(picture.section and picture.png[:4] == b"\x89PNG" for picture in shown)
        assert made.opening(path)[1], path.name
    assert page.count("<img ") == sum(len(list(pictures_of(path))) for path in TUTORIALS)


def test_the_formulas_of_a_slide_are_the_last_that_fit(made):
    short, long = "$$a=b$$", "$$" + "x+" * 300 + "y$$"
    assert made.chosen(f"{short} {long} words $$c$$ $$d$$") == ("c", "d")
    assert made.chosen(f"$$c$$ {long}") == ("c",) and made.chosen("none") == ()


def printed(browser, path, **options):  # noqa: F811
    """A page as a PDF."""
    browser.open(path.as_uri(), 1280)
    wanted = {"preferCSSPageSize": True, "printBackground": True, **options}
    return base64.b64decode(browser.chrome("Page.printToPDF", wanted)["data"])


CUT = """
return [...document.querySelectorAll('.slide')].filter(s =>
  s.scrollHeight > s.clientHeight + 1 || s.scrollWidth > s.clientWidth + 1 ||
  [...s.querySelectorAll('div.formula')].some(f => f.scrollWidth > f.clientWidth + 1)
).map(s => s.textContent.slice(0, 120))
"""


def test_each_slide_is_a_page_and_nothing_of_it_is_cut(browser, made, tmp_path):  # noqa: F811
    page = tmp_path / "slides.html"
    page.write_text(made.slides(), encoding="utf-8")
    assert len(PAGE.findall(printed(browser, page))) == page.read_text("utf-8").count('"slide')
    browser.chrome("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert browser.run(CUT) == []
    finally:
        browser.chrome("Emulation.setEmulatedMedia", {"media": ""})


BREAKS = """
const of = (e, name) => getComputedStyle(e)[name], all = q => [...document.querySelectorAll(q)];
return {heads: all('h1, h2').filter(e => of(e, 'breakAfter') !== 'avoid').length,
  names: all('article h3').filter(e => of(e, 'breakAfter') !== 'auto').length,
  split: all('article').filter(e => of(e, 'breakInside') !== 'avoid').length,
  wide: all('.scroll').filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)}
"""


def test_the_handout_keeps_headings_with_what_they_head_and_equations_whole(browser, tmp_path):  # noqa: F811
    """An article whose heading avoids a break would be tied to the next one, and so all of them."""
    page = tmp_path / "notes.html"
    page.write_text(handout(notes.catalogue()), encoding="utf-8")
    assert 5 <= len(PAGE.findall(printed(browser, page))) <= 12
    browser.open(page.as_uri(), 665)  # what A4 leaves between the margins
    browser.chrome("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert browser.run(BREAKS) == {"heads": 0, "names": 0, "split": 0, "wide": []}
    finally:
        browser.chrome("Emulation.setEmulatedMedia", {"media": ""})
