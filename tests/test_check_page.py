"""The page of `minigen check --html` in a real browser: all of it seen, nothing fetched."""

import contextlib
import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from html.parser import HTMLParser

import pytest

from minigen.derivations import notes, runner
from minigen.derivations.page.html import page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FORMULAS = sum(bool(t) for e in notes.catalogue() for t in (e.printed, e.correct, e.gradient))


@pytest.fixture(scope="module")
def text():
    return page(runner.run(quick=True), seed=0)


@pytest.fixture(scope="module")
def path(text, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(text, encoding="utf-8")
    return path


class Browser:
    """A headless Chromium, driven by the WebDriver protocol over plain HTTP."""

    def __init__(self, base):
        self.base = base
        options = {
            "args": ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            "binary": CHROMIUM,
        }
        wanted = {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        answer = self.post("/session", {"capabilities": {"alwaysMatch": wanted}})
        self.base += f"/session/{answer['sessionId']}"

    def post(self, where, body, method="POST"):
        data = json.dumps(body).encode()
        head = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.base + where, data, head, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, path, width):
        self.post("/window/rect", {"width": width, "height": 900})
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.chrome("Emulation.setDeviceMetricsOverride", metrics)
        self.post("/url", {"url": path.as_uri()})

    def chrome(self, command, params):
        return self.post("/goog/cdp/execute", {"cmd": command, "params": params})

    def run(self, script):
        return self.post("/execute/sync", {"script": script, "args": []})

    def log(self, kind):
        return self.post("/se/log", {"type": kind})


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no chromium and chromedriver on this machine")
    driver = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        for line in driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                break
        here = Browser(f"http://127.0.0.1:{found[1]}")
        yield here
        with contextlib.suppress(urllib.error.URLError):
            here.post("", {}, "DELETE")
            time.sleep(0.1)
    finally:
        driver.terminate()
        driver.wait(10)
        driver.stdout.close()


@pytest.mark.parametrize("width", [1200, 390], ids=["desk", "phone"])
def test_every_equation_is_seen(browser, path, width):
    """Each formula, at a desk and on a phone, has a size and stands inside the page."""
    browser.open(path, width)
    seen = browser.run(
        "return [...document.querySelectorAll('.form')].map(f => {"
        " const b = f.getBoundingClientRect(), m = [...f.querySelectorAll('math')];"
        " return [b.left, b.right, b.height, m.length, "
        "  ...m.map(x => { const r = x.getBoundingClientRect(); return r.width * r.height; })]; })"
    )
    assert len(seen) >= FORMULAS - 44  # of a line that is right as printed one form may be enough
    for left, right, height, count, *areas in seen:
        assert 0 <= left < right <= width and height > 10
        assert len(areas) == count and all(area > 20 for area in areas)
    assert browser.run("return document.documentElement.scrollWidth") <= width


def test_every_entry_and_picture_is_there(browser, path):
    browser.open(path, 1200)
    ids = browser.run("return [...document.querySelectorAll('article')].map(a => a.id)")
    assert ids == [e.id for e in notes.catalogue()]
    drawn = browser.run(
        "return [...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect().height)"
    )
    pictures = sum(e.figure is not None for e in notes.catalogue())
    assert len(drawn) == 88 + pictures and all(height > 20 for height in drawn)


def test_nothing_on_the_console_and_nothing_fetched(browser, path):
    browser.log("performance")
    browser.open(path, 1200)
    assert browser.log("browser") == []
    sent = [json.loads(entry["message"])["message"] for entry in browser.log("performance")]
    urls = [
        m["params"]["request"]["url"] for m in sent if m["method"] == "Network.requestWillBeSent"
    ]
    assert urls and all(url == path.as_uri() for url in urls)


def test_the_code_unfolds(browser, path):
    browser.open(path, 390)
    shown = browser.run(
        "const d = document.querySelector('#NVP-6 details'); d.open = true;"
        "return d.querySelector('pre').innerText"
    )
    assert "def inverse(self, y" in shown and "NVP-6" in shown
    assert browser.run("return document.documentElement.scrollWidth") <= 390


def test_it_is_dark_at_night(browser, path):
    paper = "return getComputedStyle(document.body).backgroundColor"
    browser.open(path, 1200)
    colours = []
    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.chrome("Emulation.setEmulatedMedia", {"features": [feature]})
        colours.append(sum(map(int, re.findall(r"\d+", browser.run(paper))[:3])))
    assert colours[0] > 700 and colours[1] < 120


class Links(HTMLParser):
    """The targets, the anchors, and whatever would be fetched."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.anchors, self.outside, self.tags = [], [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.add(tag)
        self.ids += [attrs["id"]] if "id" in attrs else []
        if tag == "a":
            self.anchors.append(attrs["href"])
        self.outside += [attrs[k] for k in ("src", "srcset", "data") if k in attrs]


def test_links_lead_somewhere_and_nothing_comes_from_outside(text):
    found = Links(text)
    assert len(found.ids) == len(set(found.ids))
    assert {a.removeprefix("#") for a in found.anchors} <= set(found.ids)
    assert found.outside == [] and not {"script", "link", "iframe", "img"} & found.tags
    assert not re.search(r"url\(|@import|https?://", text.split("</style>")[0])


def test_the_page_holds_every_entry_in_the_order_of_the_notes(text):
    places = [text.index(f'<article id="{e.id}"') for e in notes.catalogue()]
    assert places == sorted(places)
    assert text.count("<details>") > 200 and len(text) < 1.5e6


def test_a_reason_links_to_the_entries_it_names_where_they_are_there(text):
    assert 'It connects <a href="#DIF-18">DIF-18</a> and <a href="#DIF-20">DIF-20</a>' in text
    alone = page(runner.run(["S-ANC"], quick=True))
    assert "DIF-18" in alone and "#DIF-18" not in alone


def test_a_failing_entry_is_marked(monkeypatch):
    from minigen.flows import AffineCoupling

    monkeypatch.setattr(AffineCoupling, "inverse", AffineCoupling.forward)
    text = page(runner.run(["NVP-5", "NVP-6"], quick=True))
    assert "2 of 2 fail" in text and text.count(" failing") == 2 and "trouble" in text
