"""The documentation: built without a warning, then every page opened in a real browser."""

import importlib.util
import json
import pathlib
import re
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import quote, unquote, urlsplit

import pytest
from test_check_page import browser  # noqa: F401 - a fixture

ROOT = pathlib.Path(__file__).parent.parent
NEEDED = ("sphinx", "furo", "myst_nb", "numpydoc")
pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, NEEDED)), reason='needs pip install ".[docs]"'
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built with warnings as errors."""
    out = tmp_path_factory.mktemp("docs") / "a site"
    words = ["-W", "--keep-going", "-q", "-d", str(out.parent / "trees"), "docs", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words],
        cwd=ROOT, capture_output=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


class Seen(HTMLParser):
    """The ids, links and sources of a page."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.sources = set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        of = dict(attrs)
        self.ids |= {of.get("id"), of.get("name") if tag == "a" else None}
        if tag == "a" and of.get("href"):
            self.links.append(of["href"])
        fetched = of.get("src")
        if of.get("rel") in ("stylesheet", "icon", "preload"):
            fetched = of.get("href")
        self.sources += [fetched] if fetched else []


def pages_of(site):
    return {path.resolve(): Seen(path) for path in sorted(site.rglob("*.html"))}


def test_every_link_leads_somewhere_and_nothing_is_fetched(site):
    pages = pages_of(site)
    assert len(pages) > 300
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https", "mailto"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = target.is_file() and (
                not parts.fragment or target not in pages
                or unquote(parts.fragment) in pages[target].ids
            )  # fmt: skip
            if not there:
                broken.append(f"{path.relative_to(site.resolve())}: {link}")
        for source in page.sources:
            parts = urlsplit(source)
            if parts.scheme == "data":
                continue
            if parts.scheme or parts.netloc or not (path.parent / unquote(parts.path)).is_file():
                broken.append(f"{path.relative_to(site.resolve())}: {source}")
    assert not broken, "\n".join(broken[:40])


def test_every_public_name_and_every_tutorial_has_a_page(site):
    names = (site / "genindex.html").read_text(encoding="utf-8")
    import minigen as mg

    for package in mg.__all__:
        for name in getattr(getattr(mg, package), "__all__", ()):
            assert re.search(rf'href="api/[^"]*\.{name}[-"#.]', names), (package, name)
    for path in (ROOT / "tutorials").glob("*.ipynb"):
        assert (site / "tutorials" / f"{path.stem}.html").is_file()


def test_papers_that_are_cited_are_links(site):
    page = (site / "api/flows.AffineCoupling.html").read_text(encoding="utf-8")
    assert "papers.html#paper-dinh-sohl-dickstein-2017" in page
    assert 'href="../equations.html#NVP-6"' in page


def test_two_papers_of_names_that_end_alike_are_told_apart(site):
    page = (site / "papers.html").read_text(encoding="utf-8")
    wavenet = page.partition('id="paper-oord-li-2018"')[2].partition("</ul>")[0]
    assert "Parallel WaveNet" in wavenet and "flows.distil.html" in wavenet
    assert "metric.InfoNCE.html" not in wavenet


@pytest.mark.parametrize("words", ["AffineCoupling", "Real NVP", "change of variables"])
def test_the_search_finds_pages(browser, site, words):  # noqa: F811
    """Also from a folder, without a server."""
    browser.log("browser")
    browser.open(f"{(site / 'search.html').as_uri()}?q={quote(words)}")
    found = browser.wait(
        "const begun = Date.now(); const look = () => {"
        " const links = [...document.querySelectorAll('#search-results li a')].map(a => a.href);"
        " if (links.length || Date.now() - begun > 20000) done(links); else setTimeout(look, 100)"
        "}; look();"
    )
    assert found and not browser.log("browser")
    for address in found[:10]:
        path = unquote(urlsplit(address).path)
        assert pathlib.Path(path).is_file(), address


@pytest.mark.parametrize("there", [False, True], ids=["alone", "beside"])
def test_the_browser_edition_is_linked_if_it_was_built(tmp_path, there, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    links = importlib.import_module("site_parts.browser").links
    if there:
        (tmp_path / "lite" / "lab").mkdir(parents=True)
        (tmp_path / "lite" / "lab" / "index.html").touch()
    names = [name for name, _ in links(tmp_path)]
    assert {"00_contract", "01_change_of_variables", "02_real_nvp"} <= {*names} or not there
    assert bool(names) == there
    assert all((ROOT / "tutorials" / f"{name}.ipynb").is_file() for name in names)


PROBE = """
const all = [...document.querySelectorAll('math')].filter(e => e.getClientRects().length);
return {wide: document.documentElement.scrollWidth, math: all.length,
        flat: all.filter(e => e.getBoundingClientRect().height < 4).length};
"""


@pytest.mark.parametrize("width", [1280, 390], ids=["desk", "phone"])
def test_every_page_in_a_browser(browser, site, width):  # noqa: F811
    """No message on the console, no request but files of the site, nothing wider than the page."""
    wrong, formulas = [], 0
    browser.log("performance")
    browser.log("browser")
    for path in sorted(site.rglob("*.html")):
        if width == 1280 and "_modules" in path.parts:
            continue
        browser.open(path.as_uri(), width)
        seen = browser.run(PROBE)
        formulas += seen["math"]
        place = path.relative_to(site).as_posix()
        if seen["wide"] > width:
            wrong.append(f"{place}: {seen['wide']} pixels wide")
        if seen["flat"]:
            wrong.append(f"{place}: {seen['flat']} formulas not drawn")
        wrong += [f"{place}: {entry['message']}" for entry in browser.log("browser")]
    sent = [json.loads(entry["message"])["message"] for entry in browser.log("performance")]
    urls = {
        m["params"]["request"]["url"] for m in sent if m["method"] == "Network.requestWillBeSent"
    }
    wrong += [url for url in urls if not url.startswith((site.as_uri(), "data:"))]
    assert not wrong, "\n".join(wrong[:40])
    assert formulas > 500
