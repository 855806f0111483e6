"""The tutorials that can be run in the page: links, if the browser edition lies beside the site."""

import pathlib

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

WHOLE = ("00_contract", "01_change_of_variables", "02_real_nvp", "05_elbo")  # run by the tests
COMMAND = "python tutorials/lite/build.py --out"


def links(site: pathlib.Path) -> list[tuple[str, str]]:
    """[(tutorial, its address as seen from the site's first page)], [] where it was not built."""
    if not (site / "lite" / "lab" / "index.html").is_file():
        return []
    return [(name, f"lite/lab/index.html?path={name}.ipynb") for name in WHOLE]


class BrowserEdition(SphinxDirective):
    """A list of links, or how to get them."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # whether it is there is asked at each build
        found = links(pathlib.Path(self.env.app.outdir))
        if not found:
            text = nodes.paragraph("", "This copy of the site was built without it: ")
            text += nodes.literal("", f"{COMMAND} site/lite")
            text += nodes.Text(", then build the site again, and the tutorials are linked here.")
            return [text]
        rows = nodes.bullet_list()
        for name, address in found:
            link = nodes.reference("", name, refuri=address, internal=False)
            rows += nodes.list_item("", nodes.paragraph("", "", link))
        return [rows]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("browser-edition", BrowserEdition)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
