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
from minigen.homework.wall import LEVELS

Record = dict[str, Any]
PAGE = pathlib.Path(__file__).with_name("page.html")


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
    """The class as CSV: a line for each student, a column for each part."""
    parts = [m["part"] for m in records[0]["marks"]] if records else []
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["student", "earned", "points", *parts, "note"])
    for r in records:
        marks = [m["earned"] for m in r["marks"]]
        rows.writerow([no_formula(r["student"]), r["earned"], r["points"], *marks, r["note"]])
    return out.getvalue()


def no_formula(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@" else text


def page(record: Record) -> str:
    """What one student reads, as HTML; every text of the student's is escaped."""
    facts = record | {
        "rows": "\n".join(map(_row, record["marks"])),
        "note": f"<p>{html.escape(record['note'])}</p>" if record["note"] else "",
        "earned": f"{record['earned']:g}",
        "points": f"{record['points']:g}",
        "variant": html.escape(", ".join(f"{k}: {v}" for k, v in record["variant"].items())),
        "level": html.escape(LEVELS[record["level"]]),
        "student": html.escape(record["student"]),
        "title": html.escape(record["title"]),
        "sha256": record["sha256"][:16],
    }
    return string.Template(PAGE.read_text(encoding="utf-8")).substitute(facts)


def _row(mark: dict[str, Any]) -> str:
    """A row of the page."""
    why = f"<pre>{html.escape(mark['why'])}</pre>" if mark["why"] else ""
    return (
        f'<tr class="{mark["status"]}"><td>{html.escape(mark["part"])}{why}</td>'
        f"<td>{mark['earned']:g} of {mark['points']:g}</td></tr>"
    )
