"""What a program printed on some machine, as it stands in `docs/records`, on a page."""

import pathlib

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FOLDER = pathlib.Path(__file__).parents[1] / "records"


class Record(SphinxDirective):
    """The text of `records/NAME.txt`; its first line is the command, with a date and a machine."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        path = FOLDER / f"{self.arguments[0]}.txt"
        self.env.note_dependency(str(path))
        if not path.is_file():
            text = nodes.paragraph("", "No record of it is kept in this copy: run the command.")
            return [text]
        first, _, rest = path.read_text(encoding="utf-8").partition("\n")
        block = nodes.literal_block("", rest.strip("\n"), language="text")
        return [nodes.paragraph("", "", nodes.emphasis("", first)), block]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("record", Record)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
