"""Prose in Markdown as HTML: what notes need of it, and nothing that runs.

Paragraphs, headings, lists, quotes, tables, code, pictures of the notes' own folder (which become
part of the page), `$...$` and `$$...$$`, **bold**, *slanted*, `code`, [links](#ID). HTML is shown
as it stands.
"""

import base64
import html
import mimetypes
import pathlib
import re
from collections.abc import Callable

from minigen.core import validate
from minigen.derivations.page.mathml import mathml
from minigen.derivations.page.source import coloured

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp")
INLINE = re.compile(
    r"(?P<code>`+)(?P<text>.+?)(?P=code)"
    r"|\$\$(?P<display>[^$]+)\$\$|(?<!\\)\$(?P<math>[^$\s](?:[^$]*[^$\s\\])?)\$(?!\d)"
    r"|!\[(?P<alt>[^\]]*)\]\((?P<file>[^)\s]+)\)"
    r"|\[(?P<link>[^\]]+)\]\((?P<target>[^)\s]+)\)"
    r"|\*\*(?P<bold>\S(?:.*?\S)?)\*\*|(?<![\w*])\*(?P<slanted>[^*\s](?:[^*]*[^*\s])?)\*(?![\w*])"
    r"|\\(?P<escaped>[\\`*$\[\]#{}_-])"
)
ITEM = re.compile(r"( *)([-*+]|\d+[.)])\s+(.*)")


def rendered(text: str, folder: pathlib.Path | None = None) -> str:
    """Markdown as HTML; pictures are read from `folder`."""
    lines, out = text.split("\n"), []
    k = 0
    while k < len(lines):
        end = k + 1
        if not lines[k].strip():
            k = end
            continue
        kind = next(kind for test, kind in KINDS if test(lines, k))
        if kind is _code:
            mark = lines[k].strip()[:3]
            while end < len(lines) and not lines[end].strip().startswith(mark):
                end += 1
            end += 1
        elif kind is not _heading:
            while end < len(lines) and lines[end].strip() and not _starts(lines, end, kind):
                end += 1
        out.append(kind(lines[k:end], folder))
        k = end
    return "".join(out)


def _starts(lines: list[str], k: int, kind: Callable) -> bool:
    """Whether a line begins another block than the one it would belong to."""
    other = next(kind for test, kind in KINDS if test(lines, k))
    return other not in (kind, _paragraph) or (kind is _table and other is _paragraph)


def inline(text: str, folder: pathlib.Path | None = None) -> str:
    """A line of prose as HTML."""
    out, end = [], 0
    for match in INLINE.finditer(text):
        out.append(html.escape(text[end : match.start()], quote=False))
        out.append(_inline(match, folder))
        end = match.end()
    return "".join(out) + html.escape(text[end:], quote=False)


def _inline(match: re.Match[str], folder: pathlib.Path | None) -> str:
    """One thing that is marked."""
    part = match.groupdict()
    if part["text"]:
        return f"<code>{html.escape(part['text'].strip())}</code>"
    if part["display"] or part["math"]:
        return mathml(part["display"] or part["math"], display=bool(part["display"]))
    if part["file"]:
        return _picture(part["file"], part["alt"], folder)
    if part["link"]:
        target = part["target"]
        safe = target.startswith(("#", "https://", "http://", "mailto:"))
        words = inline(part["link"], folder)
        return f'<a href="{html.escape(target)}">{words}</a>' if safe else words
    for name, tag in (("bold", "strong"), ("slanted", "em")):
        if part[name]:
            return f"<{tag}>{inline(part[name], folder)}</{tag}>"
    return html.escape(part["escaped"])


def _picture(file: str, alt: str, folder: pathlib.Path | None) -> str:
    """A picture as a part of the page."""
    path = (folder or pathlib.Path()) / file
    if path.suffix.lower() not in PICTURES or not path.is_file():
        what = f"a picture ({', '.join(PICTURES)}) beside the notes"
        raise validate.expected("picture", what, repr(file))
    kind = mimetypes.guess_type(path.name)[0] or "image/webp"
    data = base64.b64encode(path.read_bytes()).decode()
    words = html.escape(alt)
    caption = f"<figcaption>{inline(alt)}</figcaption>" if alt else ""
    return f'<figure><img src="data:{kind};base64,{data}" alt="{words}">{caption}</figure>'


def _heading(lines: list[str], folder: pathlib.Path | None) -> str:
    mark, _, text = lines[0].strip().partition(" ")
    level = min(max(len(mark), 3), 6)
    return f"<h{level}>{inline(text.strip(' #'), folder)}</h{level}>"


def _code(lines: list[str], folder: pathlib.Path | None) -> str:
    info = lines[0].strip(" `~").split()
    text = "\n".join(lines[1:-1])
    body = html.escape(text) if info[:1] not in (["python"], ["fold"]) else coloured(text)
    shown = f"<pre><code>{body}</code></pre>"
    if info[:1] != ["fold"]:
        return shown
    return f'<div class="code"><details><summary>Python</summary>{shown}</details></div>'


def _quote(lines: list[str], folder: pathlib.Path | None) -> str:
    inner = "\n".join(re.sub(r"^ {0,3}> ?", "", line) for line in lines)
    return f"<blockquote>{rendered(inner, folder)}</blockquote>"


def _table(lines: list[str], folder: pathlib.Path | None) -> str:
    rows = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in lines]
    head = "".join(f"<th>{inline(cell.strip(), folder)}</th>" for cell in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{inline(cell.strip(), folder)}</td>" for cell in row) + "</tr>"
        for row in rows[2:]
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll">{table}</div>'


def _list(lines: list[str], folder: pathlib.Path | None) -> str:
    """A list; lines that are further in belong to the item above, as a list or as its text."""
    indent = len(lines[0]) - len(lines[0].lstrip())
    items: list[list[str]] = []
    for line in lines:
        match = ITEM.fullmatch(line)
        if match and len(match[1]) <= indent:
            items.append([match[3]])
        else:
            items[-1].append(line)
    body = []
    for first, *rest in items:
        deeper = next((k for k, line in enumerate(rest) if ITEM.fullmatch(line)), len(rest))
        words = " ".join([first, *(line.strip() for line in rest[:deeper])])
        inner = _list(rest[deeper:], folder) if deeper < len(rest) else ""
        body.append(f"<li>{inline(words, folder)}{inner}</li>")
    tag = "ol" if lines[0].strip()[0].isdigit() else "ul"
    return f"<{tag}>{''.join(body)}</{tag}>"


def _rule(lines: list[str], folder: pathlib.Path | None) -> str:
    return "<hr>"


def _paragraph(lines: list[str], folder: pathlib.Path | None) -> str:
    text = "\n".join(line.strip() for line in lines)
    alone = re.fullmatch(r"!\[[^\]]*\]\([^)\s]+\)", text)
    formula = re.fullmatch(r"\$\$([^$]+)\$\$", text, re.DOTALL)
    if formula:
        return f'<div class="form"><div class="scroll">{mathml(formula[1])}</div></div>'
    return inline(text, folder) if alone else f"<p>{inline(text, folder)}</p>"


KINDS: tuple[tuple[Callable[[list[str], int], object], Callable], ...] = (
    (lambda lines, k: re.match(r" {0,3}(```|~~~)", lines[k]), _code),
    (lambda lines, k: re.match(r"#{1,6} ", lines[k]), _heading),
    (lambda lines, k: re.fullmatch(r" {0,3}([-*_])( *\1){2,} *", lines[k]), _rule),
    (lambda lines, k: re.match(r" {0,3}>", lines[k]), _quote),
    (lambda lines, k: ITEM.fullmatch(lines[k]), _list),
    (lambda lines, k: "|" in lines[k] and (
        re.fullmatch(r"[\s|:-]*-[\s|:-]*", lines[k + 1] if k + 1 < len(lines) else "")
        or lines[k].lstrip().startswith("|")), _table),
    (lambda lines, k: True, _paragraph),
)  # fmt: skip
