"""The bibliography, from `papers.toml`, and where each paper is cited."""

import functools
import inspect
import itertools
import pathlib
import re
import tomllib
from dataclasses import dataclass

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from site_parts import public

DOCS = pathlib.Path(__file__).parents[1]
ROOT = DOCS.parent


@dataclass(frozen=True)
class Paper:
    """A paper; others: whether "first author et al." of that year is another paper."""

    authors: tuple[str, ...]
    year: int
    title: str
    where: str
    arxiv: str = ""
    others: bool = False

    @property
    def key(self) -> str:
        """Its place on the page: the names' first letters where one paper could be another."""
        who = "-".join(self.authors[: 3 if self.others else 2]).lower()
        return f"paper-{who}-{self.year}"

    @functools.cached_property
    def pattern(self) -> str:
        """The ways to cite it."""
        names = [re.escape(name) for name in self.authors]
        *most, last = names
        ways = [r",\s+".join(most) + rf",?\s+(?:&|and)\s+{last}" if most else last]
        if len(names) > 2 and not self.others:
            ways.append(rf"{names[0]}\s+et\s+al\.")
        return rf"(?<!van den )\b(?:{'|'.join(ways)}),?\s+\(?{self.year}\b"

    def cited_in(self, text: str) -> bool:
        return re.search(self.pattern, text) is not None


def read() -> tuple[Paper, ...]:
    """All papers."""
    text = (DOCS / "papers.toml").read_text(encoding="utf-8")
    return tuple(Paper(tuple(p.pop("authors")), **p) for p in tomllib.loads(text)["paper"])


PAPERS = read()


@functools.cache
def texts() -> dict[tuple[str, str], str]:
    """{(role, target): text} of everything that may cite: public objects by file, tutorials."""
    found = {}
    for o in public.objects():
        lines = list(public.docstring(o.thing) or ()) if o.kind != "data" else []
        for _, member in inspect.getmembers(o.thing) if isinstance(o.thing, type) else ():
            if getattr(member, "__qualname__", "").startswith(f"{o.thing.__qualname__}."):
                lines += public.docstring(member) or ()
        found["obj", o.path] = "\n".join(lines)
    for path in sorted((ROOT / "tutorials").glob("[0-9][0-9]_*.py")):
        if not path.with_suffix(".ipynb").exists():
            continue
        text = re.sub(r"\n# ?", "\n", path.read_text(encoding="utf-8"))
        found["doc", f"/tutorials/{path.stem}"] = text
    return found


class Bibliography(SphinxDirective):
    """The list of papers, each with the places that cite it."""

    def run(self) -> list[nodes.Node]:
        lines = list(itertools.chain.from_iterable(self.lines(p) for p in PAPERS))
        return self.parse_text_to_nodes("\n".join(lines))

    def lines(self, p: Paper) -> list[str]:
        *most, last = p.authors
        who = f"{', '.join(most)} & {last}" if most else last
        link = f" [arXiv:{p.arxiv}](https://arxiv.org/abs/{p.arxiv})" if p.arxiv else ""
        places = [
            f"{{py:obj}}`~{target}`" if role == "obj" else f"{{doc}}`{target}`"
            for (role, target), text in texts().items()
            if p.cited_in(text)
        ]
        cited = f"\n  Cited in: {', '.join(places)}." if places else ""
        return [f"({p.key})=", "", f"- {who}. {p.year}. *{p.title}*. {p.where}.{link}{cited}", ""]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("bibliography", Bibliography)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
