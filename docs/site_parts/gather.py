"""Before the build: the notebooks, the READMEs and a page for each public object, into `docs/`.

What is gathered is ignored by git. Its links are made those of the site.
"""

import json
import os
import pathlib
import re
import sys
import textwrap

from sphinx.application import Sphinx
from sphinx.config import Config

from site_parts import public

DOCS = pathlib.Path(__file__).parents[1]
ROOT = DOCS.parent
GATHERED = {  # from the repository: to a page
    "CHANGELOG.md": "more/changelog.md",
    "CONTRIBUTING.md": "more/contributing.md",
    "README.md": "more/readme.md",
    "minigen/data/ALICE.md": "more/alice.md",
    "minigen/data/DIGITS.md": "more/digits.md",
    "minigen/homework/README.md": "teaching/homework.md",
    "tutorials/README.md": "tutorials/index.md",
}
API = """\
# API

Every public name, by package. `import minigen as mg`, then `mg.flows.real_nvp`: packages load when
they are used. What is not here may change without notice, see
[what is stable](../more/contributing.md#what-is-stable).

| package | what it is |
|---|---|
"""


def written(path: pathlib.Path, text: str) -> None:
    """A file with this text; left alone if it has it, so that a second build is quick."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def linked(source: str, target: str, text: str) -> str:
    """Markdown with its relative links and pictures as seen from another page.

    A link to a file that is no page of the site becomes plain words.
    """
    base, page = (ROOT / source).parent, (DOCS / target).parent
    places = {ROOT / old: DOCS / new for old, new in GATHERED.items()}
    places |= {
        path: DOCS / "tutorials" / path.name for path in (ROOT / "tutorials").glob("*.ipynb")
    }

    def moved(match: re.Match[str]) -> str:
        code, mark, words, where = match.groups()
        if code:
            return code
        file, hash, anchor = where.partition("#")
        if re.match(r"[a-z]+:", where) or not file:
            return match[0]
        path = (base / file).resolve()
        if not path.exists():
            raise SystemExit(f"{source}: no file {file}")
        if not mark and path not in places:
            return words
        new = relative(places.get(path, path), page)
        return f"{mark}[{words}]({new}{hash}{anchor})"

    return re.sub(r"(`[^`]*`)|(!?)\[([^\]]*)\]\(([^)\s]+)\)", moved, text)


def relative(path: pathlib.Path, folder: pathlib.Path) -> str:
    """A path as seen from a folder, with / on every system."""
    return pathlib.PurePath(os.path.relpath(path, folder)).as_posix()


def sections(path: pathlib.Path) -> dict[str, str]:
    """{title: text} of the ## sections of a Markdown file."""
    text = path.read_text(encoding="utf-8")
    return dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n?)*)", text, re.MULTILINE))


def started() -> str:
    """The page for beginners, which is README's in another order."""
    of = sections(ROOT / "README.md")
    parts = [
        "# Getting started\n",
        "## Install, and see everything once\n" + of["Two commands"],
        "## A first model: fifteen lines\n" + of["Fifteen lines"],
        "## On the command line\n" + of["The command line"].partition("\nThe [tutorials]")[0],
        "\n## The contract of a layer\n" + of["The contract of a layer"],
        "## Runs that go on, and files\n" + of["Runs that go on, and files"],
        "## The same numbers\n" + of["The same numbers"],
        "## What next\n\nThe [tutorials](tutorials/README.md) are the notes as notebooks that run."
        " Data of your own: `minigen train --help`. A layer of your own:"
        " [CONTRIBUTING](CONTRIBUTING.md#how-to-add-a-layer).\n",
    ]
    return "\n".join(parts)


def api() -> None:
    """A page for each package, and one for each object."""
    folder, kept, rows = DOCS / "api", {"index.md"}, []
    for package in public.PACKAGES:
        mine = [o for o in public.objects() if o.package == f"minigen.{package}"]
        title = f"minigen.{package}"
        names = [public.pages()[o.path] for o in mine]
        lines = [title, "=" * len(title), "", f".. automodule:: {title}", "   :no-index:", ""]
        for kind, heading in (
            ("class", "Classes"), ("function", "Functions"),
            ("exception", "Exceptions"), ("data", "Constants"),
        ):  # fmt: skip
            paths = [o.name for o in mine if o.kind == kind]
            if paths:
                table = [".. autosummary::", "   :nosignatures:", "", *(f"   {p}" for p in paths)]
                if kind == "data":
                    table = [f"- :py:obj:`{p}`" for p in paths]
                lines += [heading, "-" * len(heading), "", *table, ""]
        lines += [".. toctree::", "   :hidden:", "", *(f"   {name}" for name in names), ""]
        written(folder / f"{package}.rst", "\n".join(lines))
        kept |= {f"{package}.rst", *(f"{name}.rst" for name in names)}
        first = (public.docstring(sys.modules[title]) or [""])[0]
        rows.append(f"| [{title}]({package}.rst) | {first} |\n")
        for o, name in zip(mine, names, strict=True):
            written(folder / f"{name}.rst", object_page(o))
    tree = "\n".join(public.PACKAGES)
    written(folder / "index.md", f"{API}{''.join(rows)}\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n")
    for path in folder.iterdir():
        if path.name not in kept:
            path.unlink()


def object_page(o: public.Public) -> str:
    """One public object: its docstring, and the entries of the notes that its code answers for."""
    lines = [o.name, "=" * len(o.name), "", f".. auto{o.kind}:: {o.path}"]
    if o.kind == "data":
        value = ", ".join(map(repr, o.thing)) if isinstance(o.thing, dict) else repr(o.thing)
        if isinstance(o.thing, dict):
            value = f"a dict; its keys are {value}"
        lines = [*lines[:3], f".. py:data:: {o.path}", "", f"   {public.comment(o)}", ""]
        lines += ["   ::", "", *(f"      {part}" for part in textwrap.wrap(value, 76))]
    if o.kind in ("class", "exception"):
        lines += ["   :members:", "   :show-inheritance:"]
    return "\n".join([*lines, "", f".. entries-of:: {o.path}", ""])


def notebook(path: pathlib.Path) -> str:
    """A notebook whose links to files of the repository are those of the site."""
    modules = {getattr(o.thing, "__module__", None) for o in public.objects()}

    def moved(match: re.Match[str]) -> str:
        words, file = match.groups()
        if file.startswith("docs/notes.md#"):
            target = f"../equations.html#{file.partition('#')[2]}"
        elif (module := re.sub(r"\.py(#.*)?$", "", file).replace("/", ".")) in modules:
            target = f"../_modules/{module.replace('.', '/')}.html"
        elif file in GATHERED:
            return f"[{words}](../{GATHERED[file]})"
        elif file.startswith("docs/"):
            return f"[{words}](../{file.removeprefix('docs/')})"
        else:
            return words
        return f'<a href="{target}">{words}</a>'

    cells = json.loads(path.read_text(encoding="utf-8"))
    for cell in cells["cells"]:
        if cell["cell_type"] == "markdown":
            text = re.sub(r"\[([^\]]+)\]\(\.\./([^)\s]+)\)", moved, "".join(cell["source"]))
            text = text.replace("](README.md)", "](index.md)")  # the page of the tutorials
            cell["source"] = text.splitlines(keepends=True)
    return json.dumps(cells, ensure_ascii=False, indent=1) + "\n"


def gather(app: Sphinx, config: Config) -> None:
    """All of it."""
    for old, new in GATHERED.items():
        text = (ROOT / old).read_text(encoding="utf-8")
        if old == "tutorials/README.md":
            names = sorted(path.stem for path in (ROOT / "tutorials").glob("*.ipynb"))
            text += "\n```{toctree}\n:hidden:\n\n" + "\n".join(names) + "\n```\n"
        written(DOCS / new, linked(old, new, text))
    written(DOCS / "start.md", linked("README.md", "start.md", started()))
    for path in (ROOT / "tutorials").glob("*.ipynb"):
        written(DOCS / "tutorials" / path.name, notebook(path))
    api()


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", gather)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
