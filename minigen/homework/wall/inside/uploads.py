"""What is in an upload, found without running any of it.

The worker asks this before it loads a student's code, under its limits on time and memory: a zip
that unpacks to gigabytes or a file that stalls a parser costs its own submission and no other.
"""

import ast
import hashlib
import io
import json
import re
import stat
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

MAX_SOURCE, MEMBERS = 200_000, 2000
MARK = "# minigen homework"
HEADER = re.compile(
    MARK + r' (\w+), format (\d+)(?:, for ("(?:[^"\\]|\\.)*"))?, variant (\{.*\})\s*$'
)
WIDE = (b"\xff\xfe", b"\xfe\xff")  # how UTF-16 and UTF-32 begin
JUNK = ("__MACOSX", "__pycache__", ".ipynb_checkpoints")
COMPLEX = {"imag", "complex", "complex64", "complex128", "complexfloating", "csingle", "cdouble"}
HIDING = {  # names that a derivation by hand has no need of
    "getattr": "getattr", "eval": "eval", "exec": "exec", "__import__": "__import__",
    "emath": "np.emath", "csqrt": "csqrt", "lib": "np.lib", "ctypes": "ctypes", "gc": "gc",
    "settrace": "settrace", "setprofile": "setprofile", "inspect": "inspect",
    "view": "arrays under another type (view)", "_getframe": "_getframe",
}  # fmt: skip
GIVEN = (0.001, 0.008)  # small numbers of the handouts
OPERATORS = {"__mul__", "__rmul__", "__matmul__", "__array_ufunc__", "__array_function__"}


class Unusable(ValueError):
    """An upload that cannot be graded."""


def opened(data: bytes, kind: str, wanted: str) -> tuple[bytes, dict]:
    """(the module's bytes, what is known of it) for an upload of a kind: "zip" or "py"."""
    try:
        source = from_zip(data, wanted) if kind == "zip" else data
        if len(source) > MAX_SOURCE:
            raise Unusable(f"the file is larger than {MAX_SOURCE} bytes")
        if source.startswith(WIDE) or b"\0" in source[:200]:
            raise Unusable("the file is not in UTF-8 (UTF-16, or no text): save it in UTF-8")
        return source, facts(source)
    except Unusable as error:
        return b"", {"problem": str(error)}
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error) as error:
        return b"", {"problem": f"the zip is damaged ({type(error).__name__})"}
    except Exception as error:
        return b"", {"problem": f"could not be read ({type(error).__name__})"}


def left_out(name: str) -> bool:
    """Whether a path is of those that systems and editors leave behind."""
    parts = name.replace("\\", "/").split("/")
    return any(p in JUNK or p.startswith("._") for p in parts) or parts[-1].startswith(".")


def from_zip(data: bytes, wanted: str) -> bytes:
    """The module in a zip. Nothing is unpacked to a disk, so names cannot lead anywhere."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = archive.infolist()
        if len(infos) > MEMBERS:
            raise Unusable(f"the zip has more than {MEMBERS} members")
        found = [i for i in infos if i.filename.lower().endswith(".py")
                 and not left_out(i.filename) and not stat.S_ISLNK(i.external_attr >> 16)
                 ]  # fmt: skip
        names = [i.filename.replace("\\", "/").rsplit("/", 1)[-1] for i in found]
        info = found[chosen(names, wanted)]
        if info.flag_bits & 1:
            raise Unusable("the zip is locked by a password")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Unusable("the zip is packed by an unusual method: make it again by the system's")
        with archive.open(info) as file:
            return file.read(MAX_SOURCE + 1)


def chosen(names: list, wanted: str) -> int:
    """The place of the file of a wanted name ("a.py/b.py") in any case, or of the only one."""
    exact = [k for k, name in enumerate(names) if name.lower() in wanted.split("/")]
    if len(exact) == 1 or (not exact and len(names) == 1):
        return exact[0] if exact else 0
    name = wanted if "/" not in wanted else "module of an assignment"
    raise Unusable(f"expected one {name}, found {len(exact) or len(names)} files")


def facts(source: bytes) -> dict:
    """What a module's text tells: its header, and its structure as far as it can be parsed."""
    found = header(source)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return found
    encoding = tokenize.detect_encoding(io.BytesIO(source).readline)[0]
    flags = [] if encoding.startswith("utf-8") else [[1, f"the encoding {encoding[:40]}"]]
    lines = complex_lines(tree)
    return found | {
        "complex": lines[:20], "flags": (flags + suspicious(tree))[:20],
        "print": fingerprint(tree),
    }  # fmt: skip


def header(source: bytes) -> dict:
    """The first line of a handout that says what it is, or what is wrong with it."""
    text = source[:20_000].decode("utf-8-sig", "replace")
    line = next((s for s in text.splitlines()[:40] if s.startswith(MARK)), None)
    if line is None:
        return {}
    unreadable = {"unreadable": f"its header cannot be read: {printable(line[:80])}"}
    match = HEADER.match(line)
    if match is None:
        return unreadable
    name, version, student, variant = match.groups()
    try:
        known = json.loads(variant)
        flat = all(isinstance(v, str) and len(v) < 80 for v in known.values()) and len(known) < 20
        if not flat:
            raise ValueError
        student = None if student is None else printable(json.loads(student))[:200]
    except (ValueError, TypeError, RecursionError):
        return unreadable
    return {"header": [name, int(version[:9]), student, known]}


def printable(text: str) -> str:
    """The text without characters that a terminal would act on."""
    return "".join(c if c.isprintable() else "?" for c in text)


def walk(tree: Any) -> Iterator[Any]:
    """Every node of a tree, without recursion."""
    return ast.walk(tree)


def names(tree: ast.AST) -> list:
    """(line, name) of every name, attribute and imported module; Python normalises them."""
    found = []
    for node in walk(tree):
        at = getattr(node, "lineno", 1)
        if isinstance(node, ast.Name):
            found.append((at, node.id))
        elif isinstance(node, ast.Attribute):
            found.append((at, node.attr))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            whole = [a.name for a in node.names] + [getattr(node, "module", None) or ""]
            found += [(at, part) for name in whole for part in name.split(".")]
    return found


def complex_lines(tree: ast.AST) -> list:
    """The lines where a module uses complex numbers."""
    written = {n.lineno for n in walk(tree)
               if isinstance(n, ast.Constant) and isinstance(n.value, complex)}  # fmt: skip
    return sorted(written | {at for at, name in names(tree) if name in COMPLEX})


def suspicious(tree: ast.AST) -> list:
    """[line, what] of what may hide a derivative that was not derived; an instructor decides."""
    found = {HIDING[name]: [at, HIDING[name]] for at, name in names(tree) if name in HIDING}
    for node in walk(tree):
        if isinstance(node, ast.ClassDef):
            own = {f.name for f in node.body if isinstance(f, ast.FunctionDef)}
            if own & OPERATORS:
                text = "a class with arithmetic of its own: automatic differentiation?"
                found[text] = [node.lineno, text]
        if isinstance(node, ast.Constant) and small(node.value):
            found["step"] = [node.lineno, f"a small number ({node.value:g}): a step?"]
    return sorted(found.values())


def small(value: Any) -> bool:
    """Whether a number may be the step of a difference."""
    return isinstance(value, float) and 0 < abs(value) < 1e-2 and value not in GIVEN


def fingerprint(tree: ast.AST) -> list:
    """Hashes of runs of eight nodes, names and numbers left out."""
    words = []
    for function in (n for n in walk(tree) if isinstance(n, ast.FunctionDef)):
        body = [n for n in function.body if not isinstance(n, (ast.Raise, ast.Expr))]
        for statement in body:
            for node in walk(statement):
                word = type(node).__name__
                if isinstance(node, ast.Attribute):
                    word += node.attr
                words.append(word)
    runs = {" ".join(words[k : k + 8]) for k in range(max(0, len(words) - 7))}
    hashes = (hashlib.blake2b(r.encode(), digest_size=4).digest() for r in runs)
    return sorted(int.from_bytes(h, "big") for h in hashes)[:1500]
