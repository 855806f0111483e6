"""The Python of a Markdown file: run with the lines it has there, and as an equation's check."""

import ast
import linecache
import pathlib
from typing import Any

import numpy as np

from minigen.core import validate
from minigen.derivations.markdown_blocks import Block, fault
from minigen.derivations.user_entries import line_of


def remember(path: pathlib.Path, blocks: list[Block]) -> None:
    """Let `inspect` and tracebacks read the Python of a file, as if the rest of it were empty."""
    lines: list[str] = []
    for block in blocks:
        if block.kind == "python":
            lines += [""] * (block.line - 1 - len(lines)) + block.text.split("\n")
    text = [f"{line}\n" for line in lines]
    linecache.cache[str(path)] = (sum(map(len, text)), None, text, str(path))


def _tree(path: pathlib.Path, block: Block) -> ast.Module:
    """The Python of a block, at the lines it has in its file."""
    try:
        tree = ast.parse(block.text, str(path))
    except SyntaxError as error:
        line = block.line + (error.lineno or 1) - 1
        raise fault(path, line, "Python", f"SyntaxError: {error.msg}") from None
    return ast.increment_lineno(tree, block.line - 1)


def run(path: pathlib.Path, block: Block, namespace: dict[str, Any]) -> None:
    """Run the Python that prepares."""
    try:
        exec(compile(_tree(path, block), str(path), "exec"), namespace)
    except validate.InvalidInput as error:
        if str(error).startswith(f"{path.name}:"):
            raise
        raise _failed(path, error) from error
    except (Exception, SystemExit) as error:  # it may fail in any way: the user is told where
        raise _failed(path, error) from error


def _failed(path: pathlib.Path, error: BaseException) -> validate.InvalidValue:
    """The error for Python that raises."""
    got = f"{type(error).__name__}: {error}"
    return fault(path, line_of(error, path) or 1, "Python that runs", got)


class Check:
    """The Python below an equation, as a function of a generator: the value of its last line."""

    def __init__(self, path: pathlib.Path, blocks: list[Block], namespace: dict[str, Any]) -> None:
        self.namespace, self.blocks = namespace, list(blocks)
        self.place = f"{path.name}:{blocks[0].line}"
        self.text = "\n\n".join(b.text for b in blocks)
        body = [node for b in blocks for node in _tree(path, b).body]
        final = body.pop() if body else None
        if not isinstance(final, ast.Expr):
            line = final.lineno if final else blocks[0].line
            what = "an expression in the last line: a report of mg.check, or an error"
            raise fault(path, line, what, "a statement" if final else "nothing")
        last = ast.Expression(final.value)
        self.body = compile(ast.Module(body, []), str(path), "exec")
        self.__code__ = self.last = compile(last, str(path), "eval")

    def __call__(self, rng: np.random.Generator) -> Any:
        here = self.namespace | {"rng": rng}
        exec(self.body, here)
        return eval(self.last, here)


class Unchecked:
    """In place of a check where there is none."""

    def __init__(self, path: pathlib.Path, line: int) -> None:
        self.place, self.text = f"{path.name}:{line}", "# nothing checks this equation"

    def __call__(self, rng: np.random.Generator) -> Any:
        raise validate.expected(self.place, "Python below the equation that checks it", "none")


def named(path: pathlib.Path, line: int, name: str, namespace: dict[str, Any]) -> Any:
    """A function of the file's Python, by its name with dots."""
    found: Any = namespace
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else getattr(found, part, None)
        if found is None:
            what = f"a function that the Python of {path.name} defines"
            raise fault(path, line, what, repr(name))
    if not callable(found):
        raise fault(path, line, "a function behind code=", repr(name))
    return found
