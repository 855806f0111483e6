"""The report of a demo: one HTML file with its pictures inside."""

import base64
import pathlib
from collections.abc import Iterable
from html import escape

from minigen.cli import results
from minigen.cli.chapter import Chapter, Shot

STYLE = """
body { font: 16px/1.5 Georgia, serif; color: #1f2430; max-width: 62rem; margin: 2rem auto;
       padding: 0 1rem; }
h1, h2 { font-weight: normal; line-height: 1.2; } h2 { margin-top: 3rem; }
table { border-collapse: collapse; font: 14px/1.4 system-ui, sans-serif; margin: 1rem 0; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid #d9dde3; }
th { color: #667080; font-weight: normal; } td:nth-child(4) { white-space: nowrap; }
figure { margin: 1.5rem 0; } img { max-width: 100%; display: block; }
figcaption, .about { color: #667080; font-size: 15px; }
"""


def html(about: str, chapters: Iterable[Chapter], folder: pathlib.Path) -> str:
    """The page: `about` says how it was made; the pictures are read back from the folder."""
    body = "".join(_section(chapter, folder) for chapter in chapters)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>minigen demo</title>'
        f"<style>{STYLE}</style></head><body><h1>What the models learned</h1>"
        f'<p class="about">{escape(about)}</p>{body}</body></html>\n'
    )


def _section(chapter: Chapter, folder: pathlib.Path) -> str:
    """A heading, a paragraph, a table, and the pictures."""
    figures = "".join(_figure(shot, folder) for shot in chapter.shots)
    text = f"<p>{escape(chapter.text)}</p>"
    return f"<h2>{escape(chapter.title)}</h2>{text}{_table(chapter.rows)}{figures}"


def _table(rows: Iterable[results.Row]) -> str:
    """The measured figures."""
    head = "".join(f"<th>{word}</th>" for word in results.HEADER)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in results.cells(row))}</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _figure(shot: Shot, folder: pathlib.Path) -> str:
    """A picture and its caption."""
    data = base64.b64encode((folder / f"{shot.name}.png").read_bytes()).decode()
    image = f'<img alt="{escape(shot.text)}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption>{escape(shot.text)}</figcaption></figure>"
