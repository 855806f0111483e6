"""What a program printed on some machine, as it stands in `docs/records`, on a page."""

import itertools
import json
import pathlib
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from minigen import bench

FOLDER = pathlib.Path(__file__).parents[1] / "records"


class Record(SphinxDirective):
    """The text of `records/NAME.txt`; its first line is the command, with a date and a machine.

    Where there is a NAME.json, it is what `python benchmarks --json` printed, shown as tables.
    """

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        path = FOLDER / f"{self.arguments[0]}.txt"
        measured = path.with_suffix(".json")
        for file in (path, measured):
            self.env.note_dependency(str(file))
        if measured.is_file():
            text = speed(json.loads(measured.read_text(encoding="utf-8")))
            return [nodes.literal_block("", text, language="text")]
        if not path.is_file():
            text = nodes.paragraph("", "No record of it is kept in this copy: run the command.")
            return [text]
        first, _, rest = path.read_text(encoding="utf-8").partition("\n")
        block = nodes.literal_block("", rest.strip("\n"), language="text")
        return [nodes.paragraph("", "", nodes.emphasis("", first)), block]


def speed(found: dict[str, Any]) -> str:
    """A measurement of `python benchmarks --json`: the machine, what is doubtful, the tables."""
    parts = [bench.described(found["machine"]), *bench.warnings(found["machine"])]
    for section in (name for name in bench.SECTIONS if name in found):
        tables = [found[section]]
        if section == "steps":
            rows = itertools.groupby(found[section], lambda row: row["workload"])
            tables = [[*group] for _, group in rows]
        parts += [bench.table(section, rows) for rows in tables]
    return "\n\n".join(filter(None, [*parts, bench.summary(found.get("steps", ()))]))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("record", Record)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
