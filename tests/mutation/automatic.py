"""The mutants of a source that cosmic-ray makes: one change at one place, text left out.

Left out are messages (`raise`, f-strings, `__repr__`), annotations, the arguments of decorators,
and operators that only ever raise a type error. cosmic-ray is no dependency: it is imported here.
"""

import ast
import difflib
import re

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

LEFT_OUT = (
    r"core/ReplaceBinaryOperator_(?!Bit)\w+?_(Bit\w+|LShift|RShift|Mod|FloorDiv|Pow)$",
    r"core/ReplaceBinaryOperator_Bit\w+?_(?!Bit)",
    r"core/ReplaceUnaryOperator_(?!Delete)",  # `+` is the same as no sign
    r"core/ReplaceComparisonOperator_(?!Is)\w+?_Is(Not)?$",
    r"core/ReplaceComparisonOperator_Is(Not)?_(?!Is)",
    r"core/RemoveDecorator|core/Variable",
)
OPERATORS = sorted(n for n in operator_names() if not any(re.match(p, n) for p in LEFT_OUT))


def places(text):
    """All of (operator, which of its places), in order."""
    tree, outside = get_ast(text), [span(node) for node in texts(ast.parse(text))]
    for name in OPERATORS:
        operator = get_operator(name)()
        nodes = [node for node in ast_nodes(tree) for _ in operator.mutation_positions(node)]
        for number, node in enumerate(nodes):
            within = any(first <= node.start_pos < last for first, last in outside)
            if not within and not star(node):
                yield name, number


def star(node):
    """Whether it is the `*` of a list of parameters, which cosmic-ray takes for a product."""
    return node.parent is not None and node.parent.type == "parameters"


def mutant(text, name, number):
    """(the text with one place changed, [line, before, after])."""
    changed = mutate_code(text, get_operator(name)(), number)
    old, new = text.splitlines(), changed.splitlines()
    match = difflib.SequenceMatcher(None, old, new, autojunk=False)
    _, i, j, k, m = next(op for op in match.get_opcodes() if op[0] != "equal")
    return changed, [i + 1, *("\n".join(x.strip() for x in part) for part in (old[i:j], new[k:m]))]


def texts(tree):
    """The nodes of a syntax tree in which nothing is changed."""
    for node in ast.walk(tree):
        match node:
            case ast.Raise() | ast.JoinedStr() | ast.FunctionDef(name="__repr__" | "__str__"):
                yield node
            case ast.arg(annotation=ast.expr()) | ast.AnnAssign():
                yield node.annotation
        yield from getattr(node, "decorator_list", ())


def span(node):
    """Its ((line, column), (line, column))."""
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
