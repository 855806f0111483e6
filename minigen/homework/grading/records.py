"""Results on disk: a sealed record for each submission, then CSV, JSON and a page for each."""

import csv
import hashlib
import hmac
import html
import io
import json
import pathlib
import string
from collections.abc import Sequence
from typing import Any

from minigen.core import files
from minigen.homework.handout import variants
from minigen.homework.wall import LEVELS

Record = dict[str, Any]
PAGE = pathlib.Path(__file__).with_name("page.html")
SHEET = PAGE.with_name("sheet.html")


def write(path: str | pathlib.Path, content: str) -> None:
    """Writes a file whole or not at all, and the folder it is in."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, content)


def seal(record: Record, key: str) -> str:
    """The HMAC of a record: a grade that was changed without the key is found out."""
    body = json.dumps({k: v for k, v in record.items() if k != "seal"}, sort_keys=True)
    return hmac.new(key.encode(), body.encode(), hashlib.sha256).hexdigest()


def load(path: pathlib.Path, key: str) -> Record | None:
    """A record whose seal is right, or None."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("seal"), str):
        return None
    return record if hmac.compare_digest(record["seal"], seal(record, key)) else None


def class_csv(records: Sequence[Record]) -> str:
    """The class as CSV, for a spreadsheet: a line for each student, a column for each part."""
    parts = [m["part"] for m in records[0]["marks"]] if records else []
    out = io.StringIO("\ufeff")  # by this a spreadsheet knows the text for UTF-8
    out.seek(1)
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(["student", "id", "earned", "points", *parts, "variant", "notes", "flags"])
    for r in records:
        marks = [m["earned"] for m in r["marks"]]
        texts = [variants.words(r["variant"]), "; ".join(r["notes"]), "; ".join(r["flags"])]
        rows.writerow([no_formula(r["student"]), r["id"], r["earned"], r["points"], *marks,
                       *map(no_formula, texts)])  # fmt: skip
    return out.getvalue()


def lms_csv(records: Sequence[Record]) -> str:
    """Student, grade, out of how much, comment: what a learning management system takes in."""
    out = io.StringIO("\ufeff")
    out.seek(1)
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(["Student", "Grade", "Maximum", "Feedback"])
    for r in records:
        wrong = [m["part"] for m in r["marks"] if not m["earned"]]
        text = "all parts are right" if not wrong else f"not right: {', '.join(wrong)}"
        rows.writerow([no_formula(r["student"]), r["earned"], r["points"], text])
    return out.getvalue()


def no_formula(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip()[:1] in tuple("=+-@\t\r") else text


def page(record: Record) -> str:
    """What one student reads, as HTML; every text of the student's is escaped."""
    facts = record | {
        "rows": "\n".join(map(_row, record["marks"])),
        "note": "".join(f"<p>{html.escape(note)}</p>" for note in record["notes"]),
        "earned": f"{record['earned']:g}",
        "points": f"{record['points']:g}",
        "variant": html.escape(variants.words(record["variant"])),
        "level": html.escape(LEVELS[record["level"]]),
        "student": html.escape(record["student"]),
        "title": html.escape(record["title"]),
        "sha256": record["sha256"][:16],
    }
    return string.Template(PAGE.read_text(encoding="utf-8")).substitute(facts)


def sheet(title: str, intro: str, asked: Sequence[dict[str, str]], answers: bool = True) -> str:
    """Questions as HTML, with what a right answer contains or with room for it."""
    items = []
    for a in asked:
        code = f"<pre>{html.escape(a['code'])}</pre>" if a["code"] else ""
        text = f'<div class="answer">{html.escape(a["answer"])}</div>'
        end = text if answers else '<div class="room"></div>'
        items.append(f'<li><div class="text">{html.escape(a["question"])}</div>{code}{end}</li>')
    facts = {"title": html.escape(title), "intro": html.escape(intro), "items": "\n".join(items)}
    return string.Template(SHEET.read_text(encoding="utf-8")).substitute(facts)


def viva(record: Record) -> str:
    """The viva sheet of one student."""
    words = variants.words(record["variant"])
    intro = f"{record['title']}. {record['earned']:g} of {record['points']:g} points. {words}."
    return sheet(f"Viva: {record['student']}", intro, record["viva"])


def _row(mark: dict[str, Any]) -> str:
    """A row of the page."""
    why = f"<pre>{html.escape(mark['why'])}</pre>" if mark["why"] else ""
    return (
        f'<tr class="{mark["status"]}"><td>{html.escape(mark["part"])}{why}</td>'
        f"<td>{mark['earned']:g} of {mark['points']:g}</td></tr>"
    )
