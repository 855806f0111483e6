"""Small mistakes put into a module, one at a time: what a viva or an exam asks about."""

import ast
from collections.abc import Iterator
from typing import Any

MOST = 40
OPPOSITE = {ast.Add: ("+", "-"), ast.Sub: ("-", "+")}


def edits(source: bytes) -> list:
    """[function, line, the line as it is, the line with a mistake] of backward passes."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    lines, found = source.decode("utf-8-sig", "replace").splitlines(), []
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name.endswith("_backward"):
            for node in ast.walk(function):
                at = getattr(node, "lineno", 0)
                if not at or at != getattr(node, "end_lineno", 0) or len(lines[at - 1]) > 120:
                    continue
                old = lines[at - 1]
                found += [[function.name, at, old, new] for new in changed(old, node)]
    return found[:MOST]


def changed(line: str, node: Any) -> Iterator[str]:
    """The line with one mistake at a node of its syntax tree."""
    if not line.isascii():  # columns are counted in bytes
        return
    end = int(node.end_col_offset or 0)
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield line[: end - 2] + line[end:]
    elif isinstance(node, ast.Call) and line[:end].endswith(".sum(axis=0)"):
        yield line[: end - len("sum(axis=0)")] + "mean(axis=0)" + line[end:]
    elif isinstance(node, ast.BinOp):
        start, stop = int(node.left.end_col_offset or 0), node.right.col_offset
        if isinstance(node.op, ast.Mult):
            yield line[: start + line[start:stop].index("*")].rstrip() + line[end:]
        elif type(node.op) in OPPOSITE:
            old, new = OPPOSITE[type(node.op)]
            yield line[:start] + line[start:stop].replace(old, new) + line[stop:]


def edited(source: bytes, at: int, new: str) -> bytes:
    """The module with another line."""
    lines = source.split(b"\n")
    lines[at - 1] = new.encode() + (b"\r" if lines[at - 1].endswith(b"\r") else b"")
    return b"\n".join(lines)
