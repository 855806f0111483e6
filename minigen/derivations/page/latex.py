"""A small LaTeX reader: a formula as a tree, or an error that names what it does not know.

Nodes are tuples whose first item says what they are:

    ("row", nodes)  ("letter", text, style)  ("number", text)  ("symbol", text, kind)
    ("function", text)  ("large", text, movable)  ("text", text)  ("space", em)
    ("script", base, below, above)  ("frac", top, bottom)  ("sqrt", inner)
    ("accent", name, inner)  ("fence", left, nodes, right)
    ("matrix", rows)  ("brace", inner)  ("arrow", above)  ("over", above, base)

with kind one of binary, relation, punctuation, open, close, dots, bar.
"""

import re

from minigen.derivations.page import symbols as known

TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\s+|'+|.", re.DOTALL)


class LatexError(ValueError):
    """A formula that is outside the subset, or not well formed."""


def parse(latex):
    """The tree of a formula."""
    reader = Reader(latex)
    tree = reader.row(())
    if reader.peek() is not None:
        raise reader.error("the end of the formula", reader.peek())
    return tree


class Reader:
    """Tokens from left to right. Each method reads what it is named after."""

    def __init__(self, latex):
        self.latex = latex
        self.tokens = [t for t in TOKEN.findall(latex) if not t.isspace()]
        self.raw = TOKEN.findall(latex)
        self.at = 0

    def error(self, expected, got):
        got = "the end" if got is None else repr(got)
        return LatexError(f"latex: expected {expected}, got {got} in {self.latex!r}")

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def next(self):
        token = self.peek()
        self.at += 1
        return token

    def expect(self, token):
        got = self.next()
        if got != token:
            raise self.error(repr(token), got)

    def row(self, stops):
        """Items until one of `stops`, which is left unread."""
        nodes = []
        while (token := self.peek()) is not None and token not in stops:
            if token in ("}", r"\right", r"\end", "&", r"\\"):
                break
            nodes.append(self.scripted())
        return ("row", nodes)

    def scripted(self):
        """One item with its indices."""
        base = ("row", []) if self.peek() in ("^", "_") else self.item()
        below = above = None
        while (self.peek() or " ")[0] in "^_'":
            mark = self.next()
            if mark == "_" and below is None:
                below = self.argument()
            elif mark[0] == "'" and above is None:
                above = ("symbol", "′" * len(mark), "ordinary")
            elif mark == "^" and above is None:
                above = self.argument()
            else:
                raise self.error("one index above and one below", mark)
        return base if below is above is None else ("script", base, below, above)

    def argument(self):
        """{...}, or the next item alone."""
        if self.peek() == "{":
            return self.group()
        if self.peek() in (None, "}", "^", "_"):
            raise self.error("an argument", self.peek())
        if self.peek().isdigit():
            return ("number", self.next())  # \\frac12 is one half
        return self.item()

    def group(self):
        self.expect("{")
        inner = self.row(("}",))
        self.expect("}")
        return inner

    def item(self):
        token = self.next()
        if token == "{":
            self.at -= 1
            return self.group()
        if token.isdigit():
            return self.number(token)
        if token.startswith("\\") and token not in known.FENCES:
            return self.command(token[1:])
        return self.plain(token)

    def number(self, text):
        while (token := self.peek()) is not None and token.isdigit():
            text += self.next()
        return ("number", text)

    def plain(self, token):
        """A letter, an operator or a bracket."""
        if token.isalpha():
            return ("letter", token, "")
        for table, kind in known.KINDS:
            if token in table:
                return ("symbol", table[token], kind)
        raise self.error("a symbol of the subset", token)

    def command(self, name):
        if name in known.LETTERS:
            return ("letter", known.LETTERS[name], "")
        if name in known.SPACES:
            return ("space", known.SPACES[name])
        if name in known.FUNCTIONS:
            return ("function", name)
        if name in known.LIMITS:
            return ("large", name, True)
        if name in known.LARGE:
            return ("large", known.LARGE[name], True)
        if name in known.INTEGRAL:
            return ("large", known.INTEGRAL[name], False)
        if name in known.ACCENTS:
            return ("accent", name, self.argument())
        for table, kind in known.KINDS:
            if name in table:
                return ("symbol", table[name], kind)
        return self.structure(name)

    def structure(self, name):
        """A command that takes arguments of its own."""
        if name in ("frac", "tfrac", "dfrac"):
            return ("frac", self.argument(), self.argument())
        if name == "sqrt":
            return ("sqrt", self.argument())
        if name in ("text", "operatorname"):
            words = self.words()
            return ("text", words) if name == "text" else ("function", words)
        if name in known.STYLES:
            return styled(self.argument(), known.STYLES[name])
        if name in known.BIG:
            return self.sized()
        if name == "underbrace":
            return ("brace", self.argument())
        if name == "xrightarrow":
            return ("arrow", self.argument())
        if name == "overset":
            return ("over", self.argument(), self.argument())
        if name == "left":
            return self.fence()
        if name == "begin":
            return self.matrix()
        raise self.error("a command of the subset", "\\" + name)

    def words(self):
        """The text between braces, spaces kept."""
        start = self.position()
        depth, text = 0, ""
        for token in self.raw[start:]:
            depth += (token == "{") - (token == "}")
            if depth == 0:
                break
            text += token
        else:
            raise self.error("'}'", None)
        self.at += sum(1 for t in TOKEN.findall(text) if not t.isspace()) + 1
        return text[1:].replace(r"\_", "_")

    def expect_words(self, expected):
        if (got := self.words()) != expected:
            raise self.error(expected, got)

    def position(self):
        """Where in the raw tokens, spaces included, the next token stands."""
        seen = -1
        for k, token in enumerate(self.raw):
            seen += not token.isspace()
            if seen == self.at:
                return k
        raise self.error("'{'", None)

    def fence(self):
        left = self.bracket()
        inner = self.row((r"\right",))
        self.expect(r"\right")
        return ("fence", left, inner[1], self.bracket())

    def sized(self):
        """A \\big bracket and all up to its partner, which is \\big as well."""
        token = self.peek()
        left, nodes = self.bracket(), []
        while not self.partner(token):
            if self.peek() is None:
                raise self.error(r"a \big bracket that closes", None)
            nodes.append(self.scripted())
        self.next()
        return ("fence", left, nodes, self.bracket())

    def partner(self, token):
        """Whether \\big and a bracket that closes `token` come next."""
        name, after = self.peek(), self.tokens[self.at + 1 : self.at + 2]
        sized = name is not None and name[1:] in known.BIG and bool(after)
        bar = token not in known.OPEN and after[:1] == [token]
        return sized and (bar or after[0] in known.CLOSE)

    def bracket(self):
        token = self.next()
        if token not in known.FENCES:
            raise self.error("a bracket", token)
        return known.FENCES[token]

    def matrix(self):
        self.expect_words("pmatrix")
        rows = [[self.row(())]]
        while (token := self.next()) != r"\end":
            if token == "&":
                rows[-1].append(self.row(()))
            elif token == r"\\":
                rows.append([self.row(())])
            else:
                raise self.error(r"\end", token)
        self.expect_words("pmatrix")
        return ("matrix", rows)


def styled(node, style):
    """The same letters in another style."""
    if node[0] == "row":
        return ("row", [styled(n, style) for n in node[1]])
    if node[0] in ("letter", "number"):
        return ("letter", node[1], style)
    raise LatexError(f"latex: expected letters in \\math..., got {node[0]}")
