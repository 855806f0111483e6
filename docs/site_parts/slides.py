"""Slides and single pictures for a lecture, from the notebooks that are in the repository.

Each picture of each tutorial is a slide: what section it is from, the equations stated there, the
sentence that says how to read it. No script: the page down key goes on, a browser prints a slide a
page.
"""

import base64
import html
import importlib.resources
import json
import pathlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from minigen.derivations.page.markdown import inline
from minigen.derivations.page.mathml import mathml

TUTORIALS = pathlib.Path(__file__).parents[2] / "tutorials"
FORMULA = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
FORMULAS, LONG = 2, 330  # formulas of a slide, and their LaTeX together
WIDE = 100  # characters of LaTeX that are set smaller
FLAT = 2.1  # a picture wider than this many times its height stands below its words
STYLE = """
*{box-sizing:border-box}html{scroll-snap-type:y proximity}
body{margin:0;background:#fff;color:#1f2430;font:clamp(15px,1.45vw,26px)/1.4 system-ui,sans-serif}
.slide{min-height:100vh;padding:3.2vh 4vw;scroll-snap-align:start;display:grid;gap:2vh 3vw;
grid-template-columns:minmax(0,5fr) minmax(0,7fr);align-items:center;position:relative;
border-bottom:1px solid #d9dde3}
.slide:is(.title,.wide){grid-template-columns:minmax(0,1fr);align-content:center}
.slide.wide img{max-height:52vh}.slide.wide .formula{font-size:1em}
h1{font-size:2.2em;line-height:1.15;margin:0}h2{font-size:1.35em;line-height:1.2;margin:0 0 .8em}
p{margin:.5em 0;text-wrap:pretty}.from{color:#667080;font-size:.8em;margin:0 0 .3em}
img{max-width:100%;max-height:86vh;width:100%;object-fit:contain;image-rendering:auto;
justify-self:center}
.formula{overflow-x:auto;margin:.6em 0}.formula.small{font-size:.62em}
math{font-family:"Notes Math",math}
ol{columns:2;padding-left:1.4em;list-style:none}li{margin:.25em 0}a{color:#0b62a3}
code{font-size:.9em;background:#f4f5f7;padding:.05em .25em;border-radius:.2em}
@page{size:338.7mm 190.5mm;margin:0}
@media print{body{font-size:15pt}.slide{height:190.4mm;min-height:0;break-after:page;border:0;
padding:9mm 13mm;overflow:hidden}img{max-height:168mm}
.slide.wide{grid-template-rows:auto minmax(0,1fr);align-content:stretch}
.slide.wide img{height:100%;max-height:100%}.formula{overflow:visible}}
@media screen and (max-width:50rem){.slide{grid-template-columns:minmax(0,1fr);min-height:0;
padding:1.2rem 1rem}.slide.title{min-height:40vh}ol{columns:1}}
"""


@dataclass(frozen=True)
class Picture:
    """One picture of a tutorial, and what its notebook says of it."""

    tutorial: str  # the stem of the notebook
    title: str
    section: str
    formulas: tuple[str, ...]
    caption: str
    alt: str
    png: bytes

    @property
    def flat(self) -> bool:
        """Whether it is wider than half a slide shows it well; its size stands in its header."""
        width, height = (int.from_bytes(self.png[k : k + 4], "big") for k in (16, 20))
        return width > FLAT * height

    @property
    def name(self) -> str:
        """Words for a file, from the section."""
        return re.sub(r"[^a-z0-9]+", "-", plain(self.section).lower()).strip("-")[:40] or "picture"


def plain(text: str) -> str:
    """Markdown without its marks."""
    return re.sub(r"[`*$\\{}]", "", re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text))


def notebooks() -> list[pathlib.Path]:
    """The tutorials' notebooks, in order."""
    return sorted(TUTORIALS.glob("[0-9][0-9]_*.ipynb"))


def opening(path: pathlib.Path) -> tuple[str, str]:
    """The title and the question of a tutorial."""
    text = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
    question = re.search(r"\*\*Question\.\*\*(.+?)\n\n", text, re.DOTALL)
    return text.partition("\n")[0].lstrip("# "), " ".join((question[1] if question else "").split())


def pictures(path: pathlib.Path) -> Iterator[Picture]:
    """The pictures of a notebook."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    title, stated = opening(path)[0], ""
    section = title
    for k, cell in enumerate(cells):
        text = "".join(cell["source"])
        if is_text(cell):
            head, *rest = re.split(r"^##+ (.+)$", text, flags=re.MULTILINE)
            section, stated = (rest[-2], rest[-1]) if rest else (section, stated + head)
            continue
        below = next(("".join(c["source"]) for c in cells[k + 1 :] if is_text(c)), "")
        for output in cell.get("outputs", []):
            data = output.get("data", {}).get("image/png")
            if data:
                yield Picture(
                    path.stem, title, section, chosen(stated), caption(below),
                    output["metadata"]["image/png"]["alt"], base64.b64decode("".join(data)),
                )  # fmt: skip


def is_text(cell: dict) -> bool:
    """Whether a cell is Markdown."""
    return cell["cell_type"] == "markdown"


def chosen(text: str) -> tuple[str, ...]:
    """The last formulas of a text that fit on a slide."""
    found: list[str] = []
    for formula in reversed(FORMULA.findall(text)):
        if len(found) < FORMULAS and sum(map(len, [formula, *found])) < LONG:
            found.insert(0, formula)
    return tuple(found)


def caption(text: str) -> str:
    """The paragraph below a picture that says how to read it."""
    first = re.split(r"\n\s*\n", text.strip(), maxsplit=1)[0]
    return "" if first.startswith(("#", "<", "|")) else " ".join(first.split())


def slides(title: str = "minigen: pictures for lectures") -> str:
    """All of it as one page.

    Parameters
    ----------
    title : of the page

    Returns
    -------
    str
        HTML in one file that needs no network.
    """
    body, contents = [], []
    for path in notebooks():
        name, question = opening(path)
        number = path.stem[:2]
        contents.append(f'<li><a href="#t{number}">{inline(name)}</a></li>')
        body.append(
            f'<section class="slide title" id="t{number}"><div><h1>{inline(name)}</h1>'
            f"<p>{inline(question)}</p></div></section>"
        )
        body += [slide(picture) for picture in pictures(path)]
    font = importlib.resources.files("minigen.derivations.page").joinpath("math.woff2").read_bytes()
    face = base64.b64encode(font).decode()
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>"
        f'@font-face{{font-family:"Notes Math";src:url(data:font/woff2;base64,{face})}}{STYLE}'
        f'</style></head><body><section class="slide title"><div><h1>{html.escape(title)}</h1>'
        f"<ol>{''.join(contents)}</ol></div></section>{''.join(body)}</body></html>\n"
    )


def slide(picture: Picture) -> str:
    """One picture with its words."""
    data = base64.b64encode(picture.png).decode()
    formulas = "".join(
        f'<div class="formula{" small" * (len(f) > WIDE)}">{mathml(f)}</div>'
        for f in picture.formulas
    )
    return (
        f'<section class="slide{" wide" * picture.flat}"><div><p class="from">'
        f"{inline(picture.title)}</p>"
        f"<h2>{inline(picture.section)}</h2>{formulas}<p>{inline(picture.caption)}</p></div>"
        f'<img src="data:image/png;base64,{data}" alt="{html.escape(picture.alt, quote=True)}">'
        "</section>"
    )
