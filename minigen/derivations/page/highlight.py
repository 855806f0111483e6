"""Python source as HTML: keywords, strings, comments and numbers told apart."""

import html
import io
import keyword
import tokenize

KINDS = {tokenize.COMMENT: "c", tokenize.STRING: "s", tokenize.NUMBER: "n"}


def highlighted(source):
    """The source, escaped, with spans around what is to stand out."""
    lines, out, at = source.splitlines(keepends=True), [], (1, 0)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        out.append(html.escape(between(lines, at, token.start)))
        kind = kind_of(token)
        text = html.escape(token.string)
        out.append(f'<span class="{kind}">{text}</span>' if kind and text else text)
        at = token.end
        if token.type == tokenize.ENDMARKER:
            break
    return "".join(out).rstrip()


def kind_of(token):
    """One letter for the kind of a token, or ""."""
    if token.type == tokenize.NAME:
        return "k" if keyword.iskeyword(token.string) else "v" if token.string == "self" else ""
    return KINDS.get(token.type, "")


def between(lines, start, end):
    """The text from one (line, column) to another."""
    (a, i), (b, j) = start, end
    if a > len(lines):
        return ""
    if a == b:
        return lines[a - 1][i:j]
    tail = lines[b - 1][:j] if b <= len(lines) else ""
    return lines[a - 1][i:] + "".join(lines[a : b - 1]) + tail
