"""A notebook in nbformat 4, written with json alone: it imports the module, plots and checks."""

import json
from typing import Any

from minigen.homework.assignments import SOURCES, Assignment

GUIDE = """Write your functions in `%s.py`, beside this notebook: that module is what you hand in,
and nothing here is graded. The package contains every backward pass of its own layers, and you may
read it; what you are asked for here need not be among them.

A gradient is right when it is the derivative of the forward pass to eleven figures, for every
cotangent and every batch size. Finite differences do not get that far. Its cost is counted, never
timed: one call may run a million lines of your file, so loops over indices are fine; the work of a
forward pass for each parameter is too much."""
PICTURE = """import matplotlib.pyplot as plt

rng = np.random.default_rng(0)
try:
    %s
except NotImplementedError as missing:
    print(f"write {missing} in the module first, then run this cell again")"""

MILESTONE = """## With your own code

When all is right: a model of the chapter, trained by your functions. It takes less than a minute,
and the picture says whose code it was. It counts nothing for your mark."""


def picture(assignment: Assignment) -> tuple[str, str]:
    """(text, code) of the picture between the equations and the check: `sources/NAME.md`."""
    page = (SOURCES / f"{assignment.name}.md").read_text(encoding="utf-8")
    text, code = page.removesuffix("\n```\n").split("\n\n```python\n")
    return text, PICTURE % code.replace("\n", "\n    ")


def notebook_json(assignment: Assignment) -> str:
    """The text of an .ipynb file."""
    name = assignment.name
    text, code = picture(assignment)
    cells = [
        _markdown(f"# Homework {assignment.number}: {assignment.title}\n\n{GUIDE % name}"),
        _code(f"%load_ext autoreload\n%autoreload 2\nimport numpy as np\nimport {name} as mine"),
        _markdown("## What is asked for"),
        _code("print(mine.__doc__)"),
        _markdown(text),
        _code(code),
        _markdown("## Check\n\nSave the module, then run this cell, as often as you like."),
        _code(f'from minigen import homework\n\nreport = homework.check("{name}.py")\nreport'),
        _markdown(MILESTONE),
        _code(f'homework.milestone("{name}.py") if report else "not yet: see the check above"'),
    ]
    for k, cell in enumerate(cells):
        cell["id"] = f"cell-{k}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    meta = {"kernelspec": kernel, "language_info": {"name": "python"}}
    book = {"cells": cells, "metadata": meta, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(book, indent=1)


def _markdown(text: str) -> dict[str, Any]:
    """A cell of text."""
    return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(text: str) -> dict[str, Any]:
    """A cell of code that has not run."""
    return _markdown(text) | {"cell_type": "code", "execution_count": None, "outputs": []}
