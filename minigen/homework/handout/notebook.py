"""A notebook in nbformat 4, written with json alone: it imports the module, plots and checks."""

import json

from minigen.homework.handout.cells import CODE, TEXT, picture


def notebook_json(assignment):
    """The text of an .ipynb file."""
    name = assignment.name
    cells = [
        markdown(f"# Homework {assignment.number}: {assignment.title}\n\n{GUIDE % name}"),
        code(f"%load_ext autoreload\n%autoreload 2\nimport numpy as np\nimport {name} as mine"),
        markdown("## What is asked for"),
        code("print(mine.__doc__)"),
    ]
    cells += [markdown(TEXT[name].strip()), code(picture(CODE[name]))]
    cells += [
        markdown("## Check\n\nSave the module, then run this cell, as often as you like."),
        code(f'from minigen import homework\n\nhomework.check("{name}.py")'),
    ]
    for k, cell in enumerate(cells):
        cell["id"] = f"cell-{k}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    meta = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return json.dumps(
        {"cells": cells, "metadata": meta, "nbformat": 4, "nbformat_minor": 5}, indent=1
    )


def markdown(text):
    return {"cell_type": "markdown", "metadata": {}, "source": lines(text)}


def code(text):
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [],
            "source": lines(text)}  # fmt: skip


def lines(text):
    return text.splitlines(keepends=True)


GUIDE = """Write your functions in `%s.py`, beside this notebook: that module is what you hand in,
and nothing here is graded. The package contains every backward pass of its own layers, and you may
read it; what you are asked for here need not be among them.

A gradient is right when it is the derivative of the forward pass to eleven figures, for every
cotangent and every batch size. Finite differences do not get that far."""
