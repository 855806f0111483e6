"""The corrected notes, to print on A4 and hand out: each equation once, as it must read."""

import base64
import html
import importlib.resources
from collections.abc import Iterable

from minigen.derivations.equation import Entry
from minigen.derivations.notes import SECTIONS
from minigen.derivations.page.markdown import inline
from minigen.derivations.page.mathml import marked, prose, words
from minigen.derivations.statement import CORRECT, INCOMPLETE, MISPRINT, WRONG

STYLE = """
@page{size:A4;margin:18mm 17mm 20mm;@bottom-right{content:counter(page);font:9pt serif}}
header.top,main,footer{max-width:46rem}
h2{margin:2.5rem 0 .5rem}
h1,h2{break-after:avoid}
article{display:grid;grid-template-columns:5.2rem minmax(0,1fr);gap:0 .75rem;padding:.4rem 0;
border-top:1px solid var(--rule);break-inside:avoid}
article h3{font-size:.95rem;padding-top:.75rem}
article .changed{display:block;font-size:.75rem;font-weight:400;color:var(--wrong)}
article .why{margin:.1rem 0 .4rem;font-size:.9rem;color:var(--soft)}
.scroll{line-height:1.8;background:none}
@media print{article[id]>h3{break-after:auto}
:root{color-scheme:light;--paper:#fff;--ink:#000;--soft:#444;--rule:#bbb;--card:#fff;--wrong:#a11}
body{font-size:10.5pt;line-height:1.35}header.top{padding-top:0}h1{font-size:20pt}
h2{font-size:13pt;margin:14pt 0 4pt}main,header.top,footer{max-width:none;padding:0}
.scroll{overflow:visible;background:none;padding:2pt 0}math{font-size:11pt}}
@media (max-width:34rem){article{grid-template-columns:minmax(0,1fr)}article h3{padding-top:.3rem}
article .changed{display:inline;margin-left:.75rem}}
"""


def handout(entries: Iterable[Entry], title: str = "The lecture notes, corrected") -> str:
    """The page as text; only entries of the notes themselves, no supplements.

    Parameters
    ----------
    entries : Entries, in any order
    title : of the page

    Returns
    -------
    str
        HTML in one file; a browser prints it on A4.
    """
    wanted = {e.id for e in entries if e.printed}
    sections = [(s, [e for e in s.entries if e.id in wanted]) for s in SECTIONS]
    changed = sum(e.verdict != CORRECT for _, mine in sections for e in mine)
    body = "".join(
        f"<section><h2>{inline(s.title)}</h2>{''.join(map(_equation, mine))}</section>"
        for s, mine in sections
        if mine
    )
    files = importlib.resources.files("minigen.derivations.page")
    font = base64.b64encode(files.joinpath("math.woff2").read_bytes()).decode()
    style = files.joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>"
        f'@font-face{{font-family:"Notes Math";src:url(data:font/woff2;base64,{font})}}'
        f'{style}{STYLE}</style></head><body><header class="top"><h1>{html.escape(title)}</h1>'
        f"<p>{len(wanted)} equations as they must read. {changed} of them differ from the printed"
        " notes, and say so: a misprint, a wrong or an incomplete line. Each is evaluated, and its"
        " code checked, by <code>minigen check ID</code>.</p></header>"
        f"<main>{body}</main></body></html>\n"
    )


def _equation(e: Entry) -> str:
    """One equation; with the reason, if it is not the printed one."""
    changed = e.verdict in (MISPRINT, WRONG, INCOMPLETE)
    mark = f'<span class="changed">{e.verdict}</span>' if changed else ""
    why = f'<p class="why">{words(marked(e.why))}</p>' if changed and e.why else ""
    line = f' title="line {e.line} of the notes"' if e.line else ""
    return (
        f'<article id="{e.id}"><h3{line}>{e.id}{mark}</h3>'
        f'<div><div class="scroll">{prose(e.correct)}</div>{why}</div></article>'
    )
