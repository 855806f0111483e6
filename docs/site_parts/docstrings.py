"""minigen's docstrings as reStructuredText, before numpydoc reads their sections.

They are written to be read in a terminal: equations are indented, names stand between single
backquotes, and stars, bars and underscores are those of formulas.
"""

import ast
import itertools
import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from site_parts import public

TITLED = {"Parameters", "Returns", "Yields", "Raises", "Attributes", "Other Parameters"}
CODE = re.compile(r"@|\w+(, \w+)* = mg\.")


def inline(text: str, package: str) -> str:
    """Words: marks of reStructuredText are letters, `names` are links or code."""
    parts = re.split(r"(``.+?``|`[^`]+`)", text, flags=re.DOTALL)
    return "".join(
        named(part.strip("`"), package) if k % 2 else re.sub(r"([\\*|_])", r"\\\1", part)
        for k, part in enumerate(parts)
    )


def named(name: str, package: str) -> str:
    """A name between backquotes: a link, if it is public; without dots, that of its package."""
    name = " ".join(name.split())
    bare = name.removesuffix("()")
    path = public.aliases().get(bare, bare) if "." in bare else f"minigen.{package}.{bare}"
    if any(o.path == path for o in public.objects()):
        return f":py:obj:`{name} <{path}>`"
    return f"``{name}``"


def converted(lines: list[str], package: str) -> list[str]:
    """A whole docstring: words and equations, then the sections."""
    starts = [k for k, line in enumerate(lines[1:]) if re.fullmatch("-{3,}", line)]
    bounds = [*starts, len(lines)]
    done = described(lines[: bounds[0]], package)
    for a, b in itertools.pairwise(bounds):
        title, body = lines[a], lines[a + 2 : b]
        if title not in ("Examples", "Notes"):
            body = inlined(body, title in TITLED, package)
        done += [title, "-" * len(title), *body]
    return done


def described(lines: list[str], package: str) -> list[str]:
    """Words, and indented blocks as they are.

    Code that is all there is below the first line of a module has lost its indent.
    """
    done = []
    if len(lines) > 2 and CODE.match(lines[2]):
        lines = [*lines[:2], *("    " + line for line in lines[2:])]
    for literal, block in itertools.groupby(lines, lambda line: line[:1] in (" ", "")):
        part = list(block)
        if literal and any(part):
            language = "python" if "mg." in "".join(part) else "text"
            part = ["", f".. code-block:: {language}", "", *part, ""]
        done += part if literal else inline("\n".join(part), package).split("\n")
    return done


def inlined(lines: list[str], titled: bool, package: str) -> list[str]:
    """The lines of a section: `name : what it is` and words below, or words alone."""
    names = [""] * len(lines)
    if titled:
        for k, line in enumerate(lines):
            if line and not line.startswith(" "):
                names[k], colon, lines[k] = line.partition(" : ")
                names[k] += colon
    rest = inline("\n".join(lines), package).split("\n")
    return [name + words for name, words in zip(names, rest, strict=True)]


def process(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:  # fmt: skip
    """The docstring that autodoc has found, in place."""
    if what in ("data", "attribute") and not isinstance(thing, property):
        lines.clear()  # Python's own words on tuples and dicts
        return
    package = [*name.split("."), ""][1]
    lines[:] = converted(public.docstring(thing) or list(lines), package)


class Plain(ast.NodeTransformer):
    """Annotations as they are meant: without the ranges that are checked, with NumPy's names."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        name = ast.unparse(node.value).rpartition(".")[2]
        if name == "Annotated" and isinstance(node.slice, ast.Tuple):
            return self.visit(node.slice.elts[0])
        if name == "ndarray":
            return ast.Name("NDArray")
        return self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        text = ast.unparse(node)
        for mark, name in (("_DTypeDict", "DTypeLike"), ("_NestedSequence", "ArrayLike")):
            if mark in text:
                return ast.Name(f"{name} | None" if "None" in text else name)
        return self.generic_visit(node)


def plain(signature: str | None, arrow: str = "") -> str | None:
    """A signature, or the annotation of what is returned, that a person can read."""
    if not signature:
        return signature
    try:
        tree = ast.parse(f"def f{signature}: ..." if not arrow else f"def f() -> {signature}: ...")
    except SyntaxError:  # a default that is no expression
        return signature
    text = ast.unparse(Plain().visit(tree)).removesuffix(":\n    ...")
    return text.partition(" -> ")[2] if arrow else text.removeprefix("def f")


def sign(
    app: Sphinx, what: str, name: str, thing: Any, options: Any,
    signature: str | None, returned: str | None,
) -> tuple[str | None, str | None]:  # fmt: skip
    """The signature that autodoc has found."""
    return plain(signature), plain(returned, "->")


def elsewhere(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Node | None:  # fmt: skip
    """A type by the file that defines it; what is not public here, or not ours, is plain words."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    path = public.aliases().get(target)
    if path and path != target:
        domain = env.domains.python_domain
        return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", path, node, content)
    return content


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", process, priority=400)
    app.connect("autodoc-process-signature", sign)
    app.connect("missing-reference", elsewhere)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
