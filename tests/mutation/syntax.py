"""Mutants of one function: its source with one node of the syntax tree changed."""

import ast
import copy
import inspect
import textwrap
from dataclasses import dataclass

SWAPS = {"sum": "mean", "mean": "sum", "tril": "triu", "triu": "tril"}


@dataclass(frozen=True)
class Mutant:
    """A changed copy of a function, what kind of change it is, and the two lines."""

    kind: str
    before: str
    after: str
    function: object


def mutants(function):
    """Every mutant of a function, no text twice."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    tree.body[0].decorator_list, tree.body[0].returns = [], None
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
    seen = {ast.unparse(tree)}
    for i, node in enumerate(ast.walk(tree)):
        for kind, new in changes(node, cotangents(tree)):
            twin = copy.deepcopy(tree)
            Swap(list(ast.walk(twin))[i], new).visit(twin)
            text = ast.unparse(ast.fix_missing_locations(twin))
            if text not in seen:
                seen.add(text)
                yield Mutant(kind, *differing(ast.unparse(tree), text), built(text, function))


class Swap(ast.NodeTransformer):
    """Puts a node in the place of another."""

    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit(self, node):
        return self.new if node is self.old else self.generic_visit(node)


def built(text, function):
    """The function that a text defines, in the module of the original."""
    space = {}
    exec(compile(text, f"mutant of {function.__qualname__}", "exec"), function.__globals__, space)
    return space[function.__name__]


def differing(old, new):
    """The first line that is not the same, in both texts."""
    pairs = zip(old.splitlines(), new.splitlines(), strict=False)
    return next((a.strip(), b.strip()) for a, b in pairs if a != b)


def cotangents(tree):
    """The names of the arguments that are gradients."""
    return {a.arg for a in tree.body[0].args.args if a.arg.startswith("d") and len(a.arg) > 1}


def changes(node, lent):
    """(kind, node in its place) for each mistake that fits a node."""
    for find in KINDS:
        for new in find(node, lent):
            yield find.__name__.replace("_", " "), new


def expression(text, **parts):
    """The node of an expression, with nodes in place of names."""
    tree = ast.parse(text, mode="eval").body

    class Fill(ast.NodeTransformer):
        def visit_Name(self, name):
            return copy.deepcopy(parts.get(name.id, name))

    return Fill().visit(tree)


def binary(node, kind):
    return isinstance(node, ast.BinOp) and isinstance(node.op, kind)


def sign(node, lent):
    if binary(node, ast.Add):
        yield ast.BinOp(node.left, ast.Sub(), node.right)
    if binary(node, ast.Sub):
        yield ast.BinOp(node.left, ast.Add(), node.right)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand
    for part in results(node):
        yield from part("-v")


def term_missing(node, lent):
    if binary(node, (ast.Add, ast.Sub)):
        yield node.left
        yield ast.UnaryOp(ast.USub(), node.right) if binary(node, ast.Sub) else node.right
    if isinstance(node, ast.AugAssign):
        yield ast.Pass()


def factor(node, lent):
    if binary(node, (ast.Mult, ast.Div)):
        yield node.left
        other = ast.Div() if binary(node, ast.Mult) else ast.Mult()
        yield ast.BinOp(node.left, other, node.right)
    if binary(node, ast.Mult):
        yield node.right
    if binary(node, ast.Pow):
        yield node.left
    for part in results(node):
        yield from part("2 * v")


def transposed(node, lent):
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value
    if binary(node, ast.MatMult):
        yield expression("(v).T", v=node)


def reduction(node, lent):
    if isinstance(node, ast.Attribute) and node.attr in SWAPS:
        yield ast.Attribute(node.value, SWAPS[node.attr], node.ctx)
    if isinstance(node, ast.keyword) and node.arg == "axis":
        for axis in (0, 1, -1, None):
            yield ast.keyword("axis", ast.Constant(axis))


def call_left_out(node, lent):
    """f(x) without f, x.f() without f: a mask, an exponential, an order, a copy forgotten."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        module = isinstance(node.func.value, ast.Name) and node.func.value.id == "np"
        if module and node.args:
            yield node.args[0]
        elif not module and node.func.attr not in ("forward", "backward"):
            yield node.func.value


def wrong_columns_or_rows(node, lent):
    if isinstance(node, ast.Slice) and (node.lower is None) != (node.upper is None):
        yield ast.Slice(node.upper, node.lower, node.step)
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield node.value


def constant(node, lent):
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield ast.Constant(node.value + 1)
        if node.value:
            yield ast.Constant(0)


def branch(node, lent):
    if isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    if isinstance(node, ast.Compare):
        yield ast.UnaryOp(ast.Not(), node)
        yield expression("~v", v=node)
        yield ast.Compare(node.comparators[0], node.ops, [node.left])


def cotangent_ignored(node, lent):
    """A cotangent taken for ones, for its sign, or left out, in one place."""
    if isinstance(node, ast.Name) and node.id in lent and isinstance(node.ctx, ast.Load):
        for text in ("np.ones_like(v)", "np.sign(v)", "0 * v", "v[::-1]"):
            yield expression(text, v=node)


def almost_right(node, lent):
    """Off in the seventh figure: by a factor, or because float32 was in the middle."""
    for part in results(node):
        yield from part("v * (1 + 1e-6)", "np.float64(np.float32(v))")


def path_or_row_forgotten(node, lent):
    """One row of the batch, or one path of a gradient, forgotten."""
    for part in results(node):
        yield from part("0 * v", "v * (np.arange(len(v)) > 0).reshape(-1, *[1] * (np.ndim(v) - 1))")


def results(node):
    """Builders of changes to each value that a statement assigns or returns, or a dict holds."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        if isinstance(node.value, (ast.BinOp, ast.UnaryOp, ast.Call)):
            yield lambda *texts: (
                ast.Assign(node.targets, expression(t, v=node.value)) for t in texts
            )
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
        for k, value in enumerate(node.value.elts):
            if not isinstance(value, (ast.Starred, ast.Dict)):
                yield lambda *texts, k=k, value=value: (
                    ast.Return(replaced(node.value, k, expression(t, v=value))) for t in texts
                )
    elif isinstance(node, ast.Dict):
        for k, value in enumerate(node.values):
            yield lambda *texts, k=k, value=value: (
                ast.Dict(node.keys, at(node.values, k, expression(t, v=value))) for t in texts
            )


def replaced(node, k, new):
    return ast.Tuple(at(node.elts, k, new), node.ctx)


def at(items, k, new):
    return [*items[:k], new, *items[k + 1 :]]


KINDS = (
    sign, term_missing, factor, transposed, reduction, call_left_out, wrong_columns_or_rows,
    constant, branch, cotangent_ignored, almost_right, path_or_row_forgotten,
)  # fmt: skip
