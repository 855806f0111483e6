"""The page of `minigen check --html`: its formulas, and all of it in a real browser."""

import json
import pathlib
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from browser import started
from PIL import Image

from minigen import check
from minigen.cli import main
from minigen.derivations import notes, runner
from minigen.derivations.equation import Result, entry
from minigen.derivations.page.html import page
from minigen.derivations.page.latex_text import plain
from minigen.derivations.page.mathml import marked, mathml, prose
from minigen.derivations.page.tutorials import TUTORIALS
from minigen.flows import AffineCoupling

ROOT = pathlib.Path(__file__).parent.parent
FORMULAS = [t for e in notes.catalogue() for t in (e.printed, e.correct, e.gradient) if t]


# formulas

USUAL = r"""
    x^\top A x;  \frac{a}{b};  \dfrac12+\tfrac12;  \binom{n}{k};  \sqrt{x};  \sqrt[3]{x};  x_i^2
    x';  f''(x);  \bar x;  \hat x;  \tilde x;  \dot x;  \ddot x;  \vec v;  \overline{ab}
    \underline{x};  \widehat{xy};  \widetilde{xy};  \sum_{i=1}^n x_i;  \prod_i x_i
    \int_0^1 f\,dx;  \iint f;  \oint f;  \lim_{n\to\infty} a_n;  \max_x f;  \min f;  \sup f
    \inf f;  \arg\max_x f;  \operatorname{tr} A;  \operatorname*{argmax}_x f;  \log x;  \ln x
    \exp x;  \sin x;  \tanh x;  \det A;  \Pr(A);  \alpha\beta\gamma;  \Gamma\Sigma\Omega
    \varepsilon\varphi\vartheta;  \ell\hbar\infty\emptyset;  \partial_x f;  \nabla f;  a\cdot b
    a\times b;  a\odot b;  a\otimes b;  a\oplus b;  a\circ b;  a\pm b;  a\le b;  a\geq b;  a\ne b
    a\not=b;  a\approx b;  a\equiv b;  a\sim b;  a\propto b;  a\ll b;  x\in A;  x\notin A
    A\subset B;  A\cup B;  A\cap B;  \bigcup_i A_i\bigcup_j B_j
    A\setminus B;  \forall x;  \exists x;  \neg a;  a\to b
    a\mapsto b;  a\Rightarrow b;  a\iff b;  a\implies b;  a\xrightarrow{f} b;  a\leftarrow b
    \lVert x\rVert;  \lvert x\rvert;  \|x\|;  \langle x,y\rangle;  \lfloor x\rfloor
    \lceil x\rceil;  \left(\frac ab\right)^2;  \left.f\right|_0;  \big(x\big);  \bigl\|x\bigr\|
    \Big[\frac ab\Big]_+;  \mathbf{x};  \mathbb{R};  \mathcal N;  \mathrm{KL};  \mathfrak g
    \boldsymbol\mu;  \text{if }x;  \underbrace{a+b}_{c};  \overbrace{a}^{b};  \overset{d}{=}
    \underset{x}{\max};  \stackrel{!}{=};  \begin{pmatrix}a&b\\c&d\end{pmatrix}^{-1}
    \begin{bmatrix}a\\b\end{bmatrix};  \dots\cdots\vdots;  \begin{vmatrix}a&b\\c&d\end{vmatrix}
    f=\begin{cases}a&x>0\\b&\text{else}\end{cases};  \begin{align}a&=b\\c&=d\end{align}
    \begin{aligned}a&=b\end{aligned};  a\quad b\qquad c;  a\;b\!c
"""
UNREAD = [
    r"\frobnicate x", "x^", "{x", "x}", r"\frac12 &", r"\left( x", r"\begin{pmatrix}x", "x # y",
    r"\text{x", r"\text{<b>x</b>}", r"\boxed{x}", r"\label{eq} x", "%", r"\frac",
]  # fmt: skip


def well_formed(text):
    root = ElementTree.fromstring(f"<p>{text.replace('<wbr>', '<wbr/>')}</p>")
    counts = {"mfrac": 2, "msub": 2, "msup": 2, "mover": 2, "munder": 2, "msubsup": 3}
    for node in root.iter():
        assert len(node) == counts.get(node.tag, len(node)), ElementTree.tostring(node)
    return root


def test_every_formula_of_the_notes_is_drawn_and_printed():
    for text in FORMULAS:
        assert "\\" not in "".join(well_formed(prose(text)).itertext()), text
        assert "\n" not in plain(text) and "\\" not in plain(text) and "{}" not in plain(text), text


def test_the_usual_latex_is_drawn():
    usual = [part.strip() for part in re.split(r";  |\n", USUAL) if part.strip()]
    assert len(usual) >= 100
    for latex in usual:
        assert "<math" in mathml(latex) and "\\" not in plain(latex), latex
        well_formed(mathml(latex))


@pytest.mark.parametrize("latex", UNREAD)
def test_latex_that_cannot_be_read_is_shown_as_it_came(latex):
    root = well_formed(mathml(latex))
    assert [(child.tag, child.text) for child in root] == [("code", latex)]
    assert plain(latex) == latex


@pytest.mark.parametrize(
    "latex, text",
    [
        (r"\bar y", "ȳ"),
        (r"\bar{AB}", "bar(AB)"),
        (r"\tilde\mu\hat x", "μ̃x̂"),
        (r"\frac{a+b}{c}d", "((a + b)/c) d"),
        (r"d\frac ab\,dx", "d (a/b) dx"),
        (r"\frac12(x+y)-(\frac ab)", "(1/2) (x + y) − (a/b)"),
        (r"e^xy_iz", "e^x y_i z"),
        (r"\frac{1}{ab}", "1/(ab)"),
        (r"\frac{\frac ab}c", "(a/b)/c"),
        (r"\log\frac{p}{q}", "log (p/q)"),
        (r"\beta_t \cdot \frac{1-A_{t-1}}{1-A_t}", "β_t · (1 − A_{t−1})/(1 − A_t)"),
        (r"\left(\frac ab\right)^2+{\frac ab}^2", "(a/b)^2 + (a/b)^2"),
        (r"{x^2}^3+\|x^2\|^2", "(x^2)^3 + ‖x^2‖^2"),
        (r"e^{-\frac12\|x\|^2}", "e^{−(1/2)‖x‖^2}"),
        (r"\sqrt{1-A_t}x+\sqrt xy", "√(1 − A_t) x + √x y"),
        (r"\begin{pmatrix}a&b\\c&d\end{pmatrix}^{-1}", "(a, b; c, d)^{−1}"),
        (r"\binom nk F''(x)", "(n over k)F″(x)"),
        (r"\underbrace{a+b}_{L_0}-(-c)", "(a + b) [L_0] − (−c)"),
        (r"z\xrightarrow{f}x, a\ b\quad c", "z —f→ x, a b  c"),
        ("A line with $x_1$, and $y$.", "A line with x_1, and y."),
        ("# A heading", "# A heading"),
    ],
)
def test_the_text_of_a_formula_means_the_same(latex, text):
    assert plain(latex) == text


def test_a_sign_keeps_no_distance_from_its_number():
    assert 'lspace="0.0em"' in mathml("-b") and 'lspace="0.0em"' in mathml("a=-b")
    assert 'lspace="0.22em"' in mathml("a-b") and 'lspace="0.22em"' not in mathml("x_{a-b}")


def test_a_long_line_is_broken_but_no_short_left_side_stands_alone():
    product = "abcdefghijklmnopqrstuvwxyzabcdefghijklm"
    assert mathml(f"s = {product}").count("<math") == 1
    assert mathml(f"s = {product}, t = {product}").count("<math") == 2
    assert mathml(f"q(x_1, x_2, x_3) = {product}").count("<math") == 2
    assert mathml(f"s = {product} + {product}").count("<math") == 2
    assert mathml(f"s = ({product} + {product})").count("<math") == 1


def test_words_get_their_letters_set():
    assert marked("alpha_t and x_{t-1}, not t + 1") == r"$\alpha_t$ and $x_{t-1}$, not t + 1"


# the page


@pytest.fixture(scope="module")
def text():
    return page(runner.run(quick=True), seed=0)


@pytest.fixture(scope="module")
def path(text, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    with started() as here:
        yield here


@pytest.mark.parametrize("width", [1200, 390], ids=["desk", "phone"])
def test_every_equation_is_seen(browser, path, width):
    """Each formula, at a desk and on a phone, has a size and stands inside the page."""
    browser.open(path.as_uri(), width)
    seen = browser.run(
        "return [...document.querySelectorAll('.form')].map(f => {"
        " const b = f.getBoundingClientRect(), m = [...f.querySelectorAll('math')];"
        " return [b.left, b.right, b.height, m.length, "
        "  ...m.map(x => { const r = x.getBoundingClientRect(); return r.width * r.height; })]; })"
    )
    assert len(seen) >= len(FORMULAS) - 44  # a line that is right as printed may need one form
    for left, right, height, count, *areas in seen:
        assert 0 <= left < right <= width and height > 10
        assert len(areas) == count and all(area > 20 for area in areas)
    assert browser.run("return document.documentElement.scrollWidth") <= width


def test_every_ruler_and_picture_is_there(browser, path):
    browser.open(path.as_uri(), 1200)
    drawn = browser.run(
        "return [...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect().height)"
    )
    pictures = sum(e.figure is not None for e in notes.catalogue())
    assert len(drawn) == len(notes.catalogue()) + pictures and all(height > 20 for height in drawn)


def test_nothing_on_the_console_and_nothing_fetched(browser, path):
    browser.log("performance")
    browser.open(path.as_uri(), 1200)
    assert browser.log("browser") == []
    sent = [json.loads(entry["message"])["message"] for entry in browser.log("performance")]
    urls = {
        m["params"]["request"]["url"] for m in sent if m["method"] == "Network.requestWillBeSent"
    }
    urls = {url for url in urls if not url.startswith("data:font/woff2")}
    assert urls == {path.as_uri()}


def test_the_font_of_the_mathematics_is_in_the_page(browser, path):
    """A bracket grows with what it holds, on a machine without a mathematical font too."""
    browser.open(path.as_uri(), 1200)
    loaded = browser.run(
        "return [...document.fonts].map(f => f.family.replaceAll('\"', '') + ' ' + f.status)"
    )
    assert loaded == ["Notes Math loaded"]
    heights = browser.run(
        "const m = document.querySelector('#NVP-7 mtable');"
        "return [m, m.previousSibling].map(e => e.getBoundingClientRect().height)"
    )
    assert heights[1] >= 0.9 * heights[0] > 20


def test_the_code_unfolds(browser, path):
    browser.open(path.as_uri(), 390)
    shown = browser.run(
        "const d = document.querySelector('#NVP-6 details'); d.open = true;"
        "return d.querySelector('pre').innerText"
    )
    assert "def inverse(self, y" in shown and "NVP-6" in shown
    assert browser.run("return document.documentElement.scrollWidth") <= 390


def test_it_is_dark_at_night(browser, path):
    paper = "return getComputedStyle(document.body).backgroundColor"
    browser.open(path.as_uri(), 1200)
    colours = []
    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.chrome("Emulation.setEmulatedMedia", {"features": [feature]})
        colours.append(sum(map(int, re.findall(r"\d+", browser.run(paper))[:3])))
    assert colours[0] > 700 and colours[1] < 120


def chosen(browser, words="", verdict=""):
    """The ids that stand on the page when these words are typed and this verdict is chosen."""
    return browser.run(
        "const [words, verdict] = document.querySelector('.find').elements;"
        f"words.value = {json.dumps(words)}; verdict.value = {json.dumps(verdict)};"
        "words.dispatchEvent(new Event('input', {bubbles: true}));"
        "return [...document.querySelectorAll('.entry')].filter(e => e.offsetHeight).map(e => e.id)"
    )


def test_entries_are_found_by_words_and_by_verdict(browser, path):
    browser.open(path.as_uri(), 1200)
    by_verdict = {}
    for e in notes.catalogue():
        by_verdict.setdefault(e.verdict, []).append(e.id)
    assert chosen(browser) == [e.id for e in notes.catalogue()]
    for verdict, ids in by_verdict.items():
        assert chosen(browser, "", verdict) == ids
    assert "NVP-6" in chosen(browser, "nvp") and "DIF-18" not in chosen(browser, "nvp-")
    assert chosen(browser, r"\tilde{\beta}_t"), "LaTeX is found too"
    assert chosen(browser, "no such words") == []
    said = browser.run("return document.querySelector('.find output').textContent")
    assert said == f"0 of {len(notes.catalogue())}"
    browser.run("location.hash = '#MAF-3'")
    assert len(chosen(browser)) == len(notes.catalogue())


def test_the_contents_are_one_link_away_and_the_errata_have_both_lines(browser, path):
    browser.open(path.as_uri(), 390)
    browser.run("document.querySelector('.errata').open = true; scrollTo(0, 20000)")
    place = "document.querySelector('.back').getBoundingClientRect()"
    box = browser.run(f"const r = {place}; return [r.top, r.bottom, r.left, r.right]")
    assert 0 < box[0] < box[1] <= 900 and 0 < box[2] < box[3] <= 390
    forms = browser.run(
        "return [...document.querySelectorAll('.errata li')].map(e => ["
        "e.querySelectorAll('.form.wrong').length, e.querySelectorAll('.form.right').length])"
    )
    assert len(forms) == 36 and forms.count([1, 1]) == 35  # and the heading
    assert browser.run("return document.documentElement.scrollWidth") <= 390


def test_an_entry_names_the_section_of_its_tutorial():
    rows = runner.run(["NVP-6"], quick=True)
    assert "tutorial 02, 2. The way back" in page(rows) and ".ipynb" not in page(rows)
    assert 'href="../tutorials/02_real_nvp.ipynb"' in page(rows, tutorials="../tutorials")
    for id, (name, section) in TUTORIALS.items():
        text = (ROOT / "tutorials" / f"{name}.py").read_text(encoding="utf-8")
        _, _, after = text.partition(f"\n# ## {section}\n")
        assert re.search(rf"\b{id}\b", after.partition("\n# ## ")[0]), id


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The page of one's own notes: the template, with a picture, a table and a wide formula."""
    folder = tmp_path_factory.mktemp("notes")
    assert main.main(["check", "--new", str(folder)]) == 0
    more = (
        "\n## More\n\n![A square](dot.png)\n\n| a | b |\n|---|---|\n| $x$ | `y` |\n\n"
        f"$$ {'+'.join(f'x_{{{k}}}' for k in range(80))} $$\n\n- one\n- two\n  - inner\n"
        "\n$$ 1 = 2 $$ {#BAD}\n\n```python\nmg.check.equal(1.0, 2.0)\n```\n"
    )
    with (folder / "notes.md").open("a", encoding="utf-8") as file:
        file.write(more)
    Image.new("RGB", (900, 30), "red").save(folder / "dot.png")
    assert main.main(["check", "--notes", str(folder), "--quick"]) == 1
    return folder / "notes.html"


@pytest.mark.parametrize("width", [1280, 390], ids=["desk", "phone"])
def test_the_page_of_ones_own_notes_is_whole(browser, own, width):
    browser.log("browser")
    browser.open(own.as_uri(), width)
    assert browser.log("browser") == []
    assert browser.run("return document.title") == "Notes of my own"
    assert browser.run("return document.documentElement.scrollWidth") <= width
    cut = browser.run(
        "return [...document.querySelectorAll('main p, h1, h2, h3, img, .entry, table, .form')]"
        ".filter(e => !e.closest('details')).map(e => e.getBoundingClientRect())"
        ".map(r => [r.left, r.right, r.height])"
    )
    assert len(cut) > 30
    assert all(left >= 0 and right <= width and height > 5 for left, right, height in cut)
    assert browser.run("return document.querySelector('img').naturalWidth") == 900
    failing = browser.run("return [...document.querySelectorAll('.failing')].map(e => e.id)")
    assert failing == ["BAD"] == chosen(browser, "", "fails")
    red = "return getComputedStyle(document.querySelector('#BAD .measured b')).color"
    assert browser.run(red) == browser.run(
        "return getComputedStyle(document.querySelector('#BAD .verdict.fails')).color"
    )


def test_what_was_not_judged_right_is_not_green():
    @entry("MINE", "a=b")
    def mine(rng):
        return check.equal(1e-20, 3e-20)  # inconclusive, and off by next to nothing

    (row,) = runner.run(entries=[mine], quick=True)
    assert not row.ok and 'The form that must hold: <b class="wrong">' in page([row])


def test_a_page_of_ones_own_entries_has_no_title_of_ours():
    @entry("MINE", "a=b")
    def mine(rng):
        return 0.0

    text = page(runner.run(entries=[mine], quick=True))
    assert "The notes, executed" not in text and "lecture notes" not in text


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
    assert found.outside == [] and not {"link", "iframe", "img"} & found.tags
    assert not re.search(r"url\((?!data:)|@import|https?://", text.split("</style>")[0])


def test_the_page_holds_every_entry_in_the_order_of_the_notes(text):
    assert re.findall('<article id="([^"]*)"', text) == [e.id for e in notes.catalogue()]
    assert text.count("<details>") > 200 and len(text) < 1.5e6


def test_a_reason_links_to_the_entries_it_names_where_they_are_there(text):
    assert 'It connects <a href="#DIF-18">DIF-18</a> and <a href="#DIF-20">DIF-20</a>' in text
    alone = page(runner.run(["S-ANC"], quick=True))
    assert "DIF-18" in alone and "#DIF-18" not in alone


def test_a_failing_entry_is_marked(monkeypatch):
    monkeypatch.setattr(AffineCoupling, "inverse", AffineCoupling.forward)
    text = page(runner.run(["NVP-5", "NVP-6"], quick=True))
    assert "2 of 2 fail" in text and text.count(" failing") == 2 and "trouble" in text


def test_a_wrong_gradient_is_not_shown_as_right():
    @entry("MINE", r"y=\frobnicate x")
    def mine(rng):
        return Result(correct=0.0, gradient=0.5)

    text = page(runner.run(entries=[mine], quick=True))
    assert 'The gradient: <b class="wrong">0.5</b>' in text and "1 of 1 fail" in text
    assert r'<code class="latex">y=\frobnicate x</code>' in text
