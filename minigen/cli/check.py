"""Run every derivation of the lecture notes, or some of them, or notes of your own.

Printed form, corrected form, gradient. Exit code 1 if one of them does not hold.

Notes of your own are a folder of Markdown: equations in LaTeX with an id, and below each a few
lines of Python that check it.

    minigen check                   every equation of the lecture notes
    minigen check --new mine        write an example into the folder mine
    minigen check --notes mine      run it, print the table, and make the page mine/notes.html

The Python of such a folder, and of --file, runs with all your rights: run what you trust.
"""

import argparse
import contextlib
import importlib.resources
import io
import json
import os
import pathlib
import shutil
import sys
from collections.abc import Callable
from typing import Any

from minigen.cli import options
from minigen.core import files, validate

PAGE = "notes.html"


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "id", nargs="*", metavar="ID", help="NVP-6 for one, NVP for all NVP-..., default all"
    )
    command.add_argument("--list", action="store_true", help="only say what there is")
    command.add_argument("--quick", action="store_true", help="one draw an entry in place of three")
    command.add_argument("--html", metavar="FILE", help="write the notes as a page")
    command.add_argument("--file", metavar="FILE.py", help="add the entries of a file of yours")
    command.add_argument(
        "--notes", metavar="FOLDER", help="notes of your own in Markdown, in place of these"
    )
    command.add_argument("--new", metavar="FOLDER", help="write an example of such notes")
    options.seed(command)
    options.json(command)


def run(args: argparse.Namespace) -> int:
    """The table, one entry in full, the page, or JSON."""
    from minigen.derivations import markdown_notes, notes, runner, terminal, user_entries

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # for terminals without mathematical letters
    if args.new:
        return _begin(args)
    page = None if args.html is None else options.target(args.html, (), "--html")
    book = None
    if args.notes:
        book = markdown_notes.read(args.notes)
        whole = not (args.id or args.list or page)
        page = options.target(f"{args.notes}/{PAGE}", (), "--notes") if whole else page
    own = user_entries.entries_in(args.file) if args.file else ()
    entries = user_entries.joined(book.entries if book else notes.catalogue(), own)
    if args.id:
        entries = runner.select(entries, args.id)
    if args.list:
        widths = terminal.widths(entries, _columns())
        print("\n".join(terminal.listed(e, widths) for e in entries))
        return 0
    progress = _counted(len(entries)) if args.json else _printed(entries)
    rows = runner.run(entries=entries, seed=args.seed, quick=args.quick, progress=progress)
    _tell(args, rows)
    if page is not None:
        _write(page, rows, args, book)
    return 0 if all(row.ok for row in rows) else 1


def _begin(args: argparse.Namespace) -> int:
    """Write the example of notes of one's own."""
    folder = pathlib.Path(args.new)
    if args.notes or args.file or args.id:
        raise validate.expected("--new", "no other argument", "--notes, --file or an ID")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise validate.expected("--new", "a folder that is empty or not there yet", folder)
    text = importlib.resources.files("minigen.derivations.page").joinpath("template.md")
    folder.mkdir(parents=True, exist_ok=True)
    files.replace(folder / "notes.md", text.read_text(encoding="utf-8"))
    print(f"{folder / 'notes.md'}: change it, then run: minigen check --notes {folder}")
    return 0


def _columns() -> int:
    """How wide the terminal is; wide enough for a table where there is none."""
    return max(100, shutil.get_terminal_size((150, 24)).columns)


def _printed(entries: Any) -> Callable[[Any], None] | None:
    """Progress as the table itself, a row when it is done; one entry alone has no table."""
    from minigen.derivations import terminal

    if len(entries) == 1:
        return None
    widths = terminal.widths(entries, _columns())
    print(terminal.header(widths), flush=True)
    return lambda row: print(terminal.line(row, widths), flush=True)


def _counted(total: int) -> Callable[[Any], None]:
    """Progress as a number on standard error, for a person who waits for JSON."""
    done = []

    def progress(row: Any) -> None:
        done.append(row)
        if sys.stderr.isatty():
            end = "\n" if len(done) == total else ""
            print(f"\r{len(done)}/{total} {row.entry.id:<12}", end=end, file=sys.stderr, flush=True)

    return progress


def _tell(args: argparse.Namespace, rows: list[Any]) -> None:
    """What stands under the table, or all there is to say."""
    from minigen.derivations import terminal

    if args.json:
        whole = {"ok": all(row.ok for row in rows), "seed": args.seed, "quick": args.quick}
        print(json.dumps(whole | {"rows": [row.as_dict() for row in rows]}, indent=1))
    elif len(rows) == 1:
        print(terminal.full(rows[0]))
    else:
        print(terminal.summary(rows))
        for row in rows:
            if not row.ok:
                print(f"\n{terminal.trouble(row)}")


def _write(path: pathlib.Path, rows: list[Any], args: argparse.Namespace, book: Any) -> None:
    """The page, as a whole or not at all."""
    from minigen.derivations.page.html import page

    beside = pathlib.Path(__file__).resolve().parents[2] / "tutorials"
    folder = ""
    if (beside / "build.py").is_file():  # not of an installed package
        with contextlib.suppress(ValueError):  # on another drive
            relative = os.path.relpath(beside, path.resolve().parent)
            folder = pathlib.Path(relative).as_posix()
    how = f"--notes {args.notes}" if args.notes else f"--html {path.name}"
    text = page(rows, args.seed, book, folder, f"minigen check {how} --seed {args.seed}")
    files.replace(path, text)
    options.note(f"{path}: {len(rows)} entries, {len(text) // 1000} kB")
