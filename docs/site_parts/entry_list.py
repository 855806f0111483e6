"""The equations at the foot of `notes.md`, each with a place to link to on a code host.

`python docs/site_parts/entry_list.py` writes them again when an entry has changed.
"""

import pathlib

from minigen.core import files
from minigen.derivations.equation import Entry
from minigen.derivations.notes import SECTIONS
from minigen.derivations.page.mathml import marked
from minigen.derivations.statement import CORRECT

PAGE = pathlib.Path(__file__).parents[1] / "notes.md"
HEADING = "## Every equation, as it must read\n"


def equations(page: str) -> str:
    """The page, with the entries of today below the heading."""
    head = page.partition(HEADING)[0]
    sections = (f"\n### {s.title}\n{''.join(map(equation, s.entries))}" for s in SECTIONS)
    return f"{head.rstrip()}\n\n{HEADING}{''.join(sections)}"


def equation(e: Entry) -> str:
    """One entry: its id, which is a place; the verdict on the printed line; the formula."""
    said = f" ({e.verdict})" if e.verdict != CORRECT else ""
    formula = "\n".join(part.strip() for part in e.correct.splitlines())
    return f'\n<a id="{e.id}"></a>**{e.id}**{said}: {marked(e.why)}\n\n```math\n{formula}\n```\n'


if __name__ == "__main__":
    files.replace(PAGE, equations(PAGE.read_text(encoding="utf-8")))
