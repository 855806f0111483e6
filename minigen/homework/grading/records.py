"""Results on disk: a sealed record for each submission, then CSV, JSON and a page for each."""

import csv
import hashlib
import hmac
import html
import io
import json
import os
import pathlib

from minigen.homework.wall import LEVELS


def write(path, text):
    """Writes a file whole or not at all."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with open(part, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def seal(record, key):
    """The HMAC of a record: whoever changes a grade without the key is found out."""
    body = json.dumps({k: v for k, v in record.items() if k != "seal"}, sort_keys=True)
    return hmac.new(key.encode(), body.encode(), hashlib.sha256).hexdigest()


def load(path, key):
    """A record whose seal is right, or None."""
    try:
        record = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("seal"), str):
        return None
    return record if hmac.compare_digest(record["seal"], seal(record, key)) else None


def table(records):
    """The class as CSV: a line for each student, a column for each part."""
    parts = [m["part"] for m in records[0]["marks"]] if records else []
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["student", "earned", "points", *parts, "note"])
    for r in records:
        marks = [m["earned"] for m in r["marks"]]
        rows.writerow([tame(r["student"]), r["earned"], r["points"], *marks, r["note"]])
    return out.getvalue()


def tame(text):
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@" else text


def summary(records, run):
    """The class as JSON."""
    return json.dumps({"run": run, "submissions": records}, indent=1)


def page(record):
    """What one student reads, as HTML; every text of the student's is escaped."""
    rows = "\n".join(row(mark) for mark in record["marks"])
    note = f"<p>{html.escape(record['note'])}</p>" if record["note"] else ""
    variant = ", ".join(f"{k}: {v}" for k, v in record["variant"].items())
    return PAGE.format(
        student=html.escape(record["student"]), title=html.escape(record["title"]), rows=rows,
        note=note, earned=f"{record['earned']:g}", points=f"{record['points']:g}",
        variant=html.escape(variant), level=html.escape(LEVELS[record["level"]]),
        sha256=record["sha256"][:16],
    )  # fmt: skip


def row(mark):
    """A row of the page."""
    right = mark["earned"] == mark["points"]
    why = f"<pre>{html.escape(mark['why'])}</pre>" if mark["why"] else ""
    return (
        f'<tr class="{"right" if right else "wrong"}"><td>{html.escape(mark["part"])}{why}</td>'
        f"<td>{mark['earned']:g} of {mark['points']:g}</td></tr>"
    )


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}: {student}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; }}
table {{ border-collapse: collapse; width: 100%; }}
td {{ border-top: 1px solid #ccc; padding: .4rem .6rem; vertical-align: top; }}
td:last-child {{ text-align: right; white-space: nowrap; }}
tr.right td:last-child {{ color: #17692e; }} tr.wrong td:last-child {{ color: #a3211b; }}
pre {{ white-space: pre-wrap; margin: .2rem 0 0; color: #444; font-size: .85rem; }}
</style>
<h1>{title}</h1>
<p><b>{student}</b>: {earned} of {points} points</p>
{note}
<table>
{rows}
</table>
<p>Variant: {variant}. Submission {sha256}. Graded in {level}.</p>
</html>
"""
