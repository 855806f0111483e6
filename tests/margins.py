"""How near the comparisons of the tests are to their limits; a plugin of pytest.

    python tests/machines.py --margins        over kernels and threads, what stands near and moves
    pytest -p margins --margins FOLDER        one run; a file of {place: nearness} in FOLDER

The nearness of `a < b` is a / b for numbers above zero, that of assert_allclose and approx the
difference divided by what is allowed; 1 is the limit. Of the entries of arrays, and of all calls at
one place for one test, the largest counts. Comparisons of whole numbers do not round: they are left
out, as are those that a test makes to fail.
"""

import ast
import json
import operator
import os
import pathlib
import sys
from typing import Any

import numpy as np
import pytest
from _pytest.assertion import rewrite

HERE = pathlib.Path(__file__).resolve().parent
NAME = "_compared"
WORDS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
DO = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
NEAR = 0.9
found: dict[str, float] = {}
current = ""


def record(line: int, file: str, nearness: float) -> None:
    """Keep the largest nearness of a place, of those within the limit."""
    key = f"{pathlib.Path(file).name}:{line} {current}"
    if 0 < nearness <= 1 and nearness > found.get(key, 0):
        found[key] = float(nearness)


def compared(file: str, line: int, words: list[str], *values: object) -> bool:
    """What a (chained) comparison gives, recorded where it is about floats."""
    out: object = True
    for word, a, b in zip(words, values[:-1], values[1:], strict=True):
        out = DO[word](a, b)
        small, large = (a, b) if word[0] == "<" else (b, a)
        record(line, file, ratio(small, large))
        if not np.all(out):
            break
    return out  # type: ignore[return-value]


def ratio(small: object, large: object) -> float:
    """max(small / large) where both are above zero, and one is a float."""
    try:
        a, b = np.asarray(small), np.asarray(large)
        if not {"f"} <= {a.dtype.kind, b.dtype.kind} <= {"f", "i", "u"}:
            return 0.0
        with np.errstate(all="ignore"):
            every = np.where((a > 0) & (b > 0), a / b, 0.0)
        return float(np.nanmax(every, initial=0.0))
    except (TypeError, ValueError):
        return 0.0


class Recorded(ast.NodeTransformer):
    """a < b becomes compared(file, line, ["<"], a, b) inside the conditions of assertions."""

    def __init__(self, file: str) -> None:
        self.file = file

    def visit_Assert(self, node: ast.Assert) -> ast.Assert:
        node.test = Within(self.file).visit(node.test)
        return node


class Within(ast.NodeTransformer):
    def __init__(self, file: str) -> None:
        self.file = file

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        words = [WORDS.get(type(op), "") for op in node.ops]
        if not all(words):
            return node
        given = [
            ast.Constant(self.file), ast.Constant(node.lineno),
            ast.List([ast.Constant(w) for w in words], ast.Load()), node.left, *node.comparators,
        ]  # fmt: skip
        call = ast.Call(ast.Name(NAME, ast.Load()), given, [])
        return ast.fix_missing_locations(ast.copy_location(call, node))


def caller() -> tuple[int, str] | None:
    """(line, file) of the nearest frame that is a test's."""
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if pathlib.Path(file).parent == HERE and not file.endswith("margins.py"):
            return frame.f_lineno, file
        if "/site-packages/" not in file.replace("\\", "/") and "numpy" not in file:
            return None  # the package's own comparison
        frame = frame.f_back
    return None


def close(actual: object, desired: object, rtol: float, atol: float) -> float:
    """The nearness of allclose."""
    try:
        a, b = np.asarray(actual), np.asarray(desired)
        if a.dtype.kind not in "fc" and b.dtype.kind not in "fc":
            return 0.0
        with np.errstate(all="ignore"):
            gap, allowed = np.abs(a - b), atol + rtol * np.abs(b)
            return float(np.nanmax(np.where(gap > 0, gap / allowed, 0.0), initial=0.0))
    except (TypeError, ValueError):
        return 0.0


def watched(module: object, name: str, rtol: float, atol: float) -> None:
    """Let np.allclose and its kind record what tests ask of them."""
    original = getattr(module, name)

    def call(a: object, b: object, *args: object, **options: object) -> object:
        where = caller()
        if where:
            r, t, *_ = [*args, *[None] * 2]
            given = [options.get("rtol", r), options.get("atol", t)]
            tolerances = [d if g is None else g for g, d in zip(given, (rtol, atol), strict=True)]
            record(*where, close(a, b, *tolerances))  # type: ignore[arg-type]
        return original(a, b, *args, **options)

    setattr(module, name, call)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--margins", metavar="FOLDER", help="write how near comparisons are")


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--margins"):
        return
    vars(__import__("builtins"))[NAME] = compared
    rewriting = rewrite.rewrite_asserts

    def rewritten(tree: ast.Module, source: bytes, path: str | None = None, *more: object) -> None:
        if path and pathlib.Path(path).parent == HERE:
            Recorded(path).visit(tree)
        rewriting(tree, source, path, *more)  # type: ignore[arg-type]

    rewrite.rewrite_asserts = rewritten  # type: ignore[assignment]
    rewrite._read_pyc = lambda *args, **options: None  # type: ignore[assignment]
    sys.dont_write_bytecode = True
    watched(np.testing, "assert_allclose", 1e-7, 0.0)
    watched(np, "allclose", 1e-5, 1e-8)
    watched(np, "isclose", 1e-5, 1e-8)
    ApproxScalar = type(pytest.approx(0.0))  # its module moves between versions
    equal = ApproxScalar.__eq__

    def approx(self: Any, actual: object) -> bool:
        where = caller()
        if where and isinstance(actual, float | np.floating):
            record(*where, close(actual, self.expected, 0.0, self.tolerance))
        return equal(self, actual)

    ApproxScalar.__eq__ = approx  # type: ignore[method-assign]


def pytest_runtest_logstart(nodeid: str) -> None:
    global current
    current = nodeid.partition("::")[2]


def pytest_sessionfinish(session: pytest.Session) -> None:
    folder = session.config.getoption("--margins")
    if folder and found:
        file = pathlib.Path(folder) / f"{os.getpid()}.json"
        file.write_text(json.dumps(found), encoding="utf-8")


def near_and_moving(
    runs: dict[str, dict[str, float]],
) -> list[tuple[float, str, str, str, bool]]:
    """(nearness, setting, place, the settings' range, at risk) of what is near and differs.

    At risk is what the settings move by more than a third of what is left to the limit.
    """
    rows = []
    for place in set().union(*runs.values()):
        seen = {name: run[place] for name, run in runs.items() if place in run}
        worst = max(seen, key=seen.__getitem__)
        least, most = min(seen.values()), seen[worst]
        if most > NEAR and most - least > 1e-9:
            at_risk = 3 * (most - least) > 1 - most
            rows.append((most, worst, place, f"{least:.3f} to {most:.3f}", at_risk))
    return sorted(rows, reverse=True)
