"""The report of a demo: one HTML file with its pictures inside, by day and by night."""

import base64
import os
import pathlib
import re
from collections.abc import Iterable, Sequence
from html import escape

from minigen.cli import results
from minigen.cli.chapter import Chapter, Shot
from minigen.cli.files import DPI

STYLE = """
:root{color-scheme:light dark;--paper:#fdfcf9;--ink:#22262b;--soft:#646b73;--rule:#e2ded4;
--plain:#2857a4}
@media (prefers-color-scheme:dark){:root{--paper:#15171a;--ink:#e3e1dc;--soft:#989da5;
--rule:#31353b;--plain:#8ab4f8}}
*{box-sizing:border-box}html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:1.0625rem/1.6 Charter,
"Iowan Old Style","Palatino Linotype",Palatino,"Source Serif 4",Georgia,serif}
header,main,footer{max-width:54rem;margin:0 auto;padding:0 1.25rem}
h1{font-size:2.5rem;line-height:1.1;font-weight:600;margin:3.5rem 0 1rem}
h2{font-size:1.55rem;line-height:1.2;font-weight:600;margin:4rem 0 .75rem}
nav h2{font-size:1rem;margin:2rem 0 .5rem}nav ul{padding:0;margin:0;list-style:none}
nav li{padding:.3rem 0}nav span{color:var(--soft);font-size:.9rem;display:block}
a{color:inherit;text-decoration-color:var(--plain);text-underline-offset:.2em}
p{margin:.75rem 0;text-wrap:pretty}.result{font-size:1.2rem;line-height:1.5}
.about,figcaption,footer,.more{color:var(--soft);font-size:.9rem}
figure{margin:1.75rem 0}figcaption{margin-top:.4rem;line-height:1.45}
.picture{background:#fff;border-radius:.5rem;overflow-x:auto;padding:.4rem}
.picture:focus-visible,a:focus-visible,summary:focus-visible{outline:2px solid var(--plain);
outline-offset:2px}
img{display:block;max-width:100%;height:auto;margin:0 auto}
code,pre{font:.8125rem/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
pre{overflow-x:auto;border:1px solid var(--rule);border-radius:.4rem;padding:.6rem .8rem}
summary{cursor:pointer}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:600;color:var(--soft);font-size:.8125rem}
th,td{padding:.28rem .8rem .28rem 0;border-bottom:1px solid var(--rule);vertical-align:top}
td:nth-child(4){white-space:nowrap}
.back{font-size:.875rem}
@media (max-width:40rem){body{font-size:1rem}h1{font-size:2rem;margin-top:2rem}
h2{margin-top:3rem}.wide img{max-width:none;width:40rem}
thead{display:none}tr{display:block;border-bottom:1px solid var(--rule);padding:.5rem 0}
td{display:grid;grid-template-columns:6.5rem 1fr;border:0;padding:.1rem 0}
td:empty{display:none}td:nth-child(4){white-space:normal}
td::before{content:attr(data-name);color:var(--soft);font-size:.8125rem}}
@media print{:root{color-scheme:light}body{background:#fff;color:#000}
:is(h1,h2){break-after:avoid}:is(figure,tr){break-inside:avoid}.back{display:none}}
"""
WIDE = 1.6  # width / height of a picture that a phone scrolls sideways


def html(about: str, chapters: Iterable[Chapter], folder: pathlib.Path) -> str:
    """The page: `about` says how it was made; the pictures are read back from the folder."""
    chapters = list(chapters)
    contents = "".join(
        f'<li><a href="#{_anchor(c.title)}">{escape(c.title)}</a>'
        f"<span>{escape(_first_sentence(c.result))}</span></li>"
        for c in chapters
    )
    beside = tutorials(folder)
    body = "".join(_section(chapter, folder, beside) for chapter in chapters)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>minigen demo</title><style>{STYLE}</style></head>"
        '<body><header id="top"><h1>What the models learned</h1>'
        "<p>Every model of the notes, trained just now in NumPy, with gradients written by hand. "
        "What is measured is measured on data that training did not see; where the true density is "
        "known, the distance to it is.</p>"
        f'<p class="about">{escape(about)}</p>'
        f'<nav aria-label="Contents"><h2>Contents</h2><ul>{contents}</ul></nav></header>'
        f"<main>{body}</main><footer><p>Figures as numbers for programs: "
        '<a href="figures.json">figures.json</a>.</p></footer></body></html>\n'
    )


def tutorials(folder: pathlib.Path) -> str:
    """The way from the report to the tutorials, or "" where they are not: they are in a checkout
    of the repository, which may be where the command runs, not in what is installed."""
    checkouts = (pathlib.Path(__file__).resolve().parents[2], pathlib.Path.cwd())
    there = next((p / "tutorials" for p in checkouts if (p / "tutorials/build.py").is_file()), None)
    if there is None:
        return ""
    try:
        return pathlib.Path(os.path.relpath(there, folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return ""


def _anchor(title: str) -> str:
    """A title as the name of a place."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _first_sentence(text: str) -> str:
    """Up to the first full stop before a capital letter."""
    return re.split(r"(?<=[.])\s+(?=[A-Z])", text, maxsplit=1)[0]


def _section(chapter: Chapter, folder: pathlib.Path, beside: str) -> str:
    """What came out, what it means, the pictures, then the whole table and where to read on."""
    figures = "".join(_figure(shot, folder) for shot in chapter.shots)
    result = f'<p class="result">{escape(chapter.result)}</p>' if chapter.result else ""
    return (
        f'<section><h2 id="{_anchor(chapter.title)}">{escape(chapter.title)}</h2>'
        f"{result}<p>{escape(chapter.text)}</p>{figures}{_table(chapter.rows)}"
        f'{_more(chapter, beside)}<p class="back"><a href="#top">Contents</a></p></section>'
    )


def _table(rows: Sequence[results.Row]) -> str:
    """The measured figures."""
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{word}</th>' for word in results.HEADER)
    body = "".join(
        f"<tr>{''.join(_cell(name, cell) for name, cell in _named(row))}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _named(row: results.Row) -> Iterable[tuple[str, str]]:
    """The cells of a row with the names of their columns."""
    return zip(results.HEADER, results.cells(row), strict=True)


def _cell(name: str, cell: str) -> str:
    """A cell, which says its column on a narrow screen."""
    text = escape(cell).replace("+-", "\N{PLUS-MINUS SIGN}")
    return f'<td data-name="{name}">{text}</td>'


def _more(chapter: Chapter, beside: str) -> str:
    """The tutorials that explain it, and the commands that make more of it."""
    named = [
        f'<a href="{beside}/{name}.ipynb">tutorial {name}</a>' if beside else f"tutorial {name}"
        for name in chapter.tutorials
    ]
    read = f'<p class="more">Explained in {" and ".join(named)}.</p>' if named else ""
    lines = escape("\n".join(chapter.more))
    run = f'<p class="more">More of it:</p><pre><code>{lines}</code></pre>' if lines else ""
    return read + run


def _figure(shot: Shot, folder: pathlib.Path) -> str:
    """A picture with its caption, which is its text for who cannot see it."""
    png = (folder / f"{shot.name}.png").read_bytes()
    data = base64.b64encode(png).decode()
    width, height = (int.from_bytes(png[k : k + 4], "big") / DPI for k in (16, 20))  # of its head
    wide = ' wide" tabindex="0" role="group" aria-label="a picture to be scrolled sideways' if (
        width / height > WIDE
    ) else ""  # fmt: skip
    size = f'width="{width * 100:.0f}" height="{height * 100:.0f}"'
    image = f'<img alt="{escape(shot.text, quote=True)}" {size} src="data:image/png;base64,{data}">'
    return (
        f'<figure><div class="picture{wide}">{image}</div>'
        f"<figcaption>{escape(shot.text)}</figcaption></figure>"
    )
