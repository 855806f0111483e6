"""Which variant a student or a class gets: drawn from the instructor's key, in the handout."""

import hashlib
import hmac
import json
import pathlib
import unicodedata
from typing import Any

from minigen.core import validate
from minigen.homework.assignments import FORMAT, Assignment
from minigen.homework.types import Variant
from minigen.homework.wall.inside.uploads import MARK


def secret(key: str) -> str:
    """The key itself, or that in the file after an @: one line, in UTF-8, with or without a BOM."""
    if not isinstance(key, str):
        raise validate.wrong_type("key", "a text", type(key).__name__)
    if key.startswith("@"):
        key = pathlib.Path(key[1:]).read_text(encoding="utf-8-sig")
    lines = [line.strip() for line in key.strip("\ufeff").splitlines() if line.strip()]
    if len(lines) != 1:
        raise validate.expected("key", "one line of at least one character", f"{len(lines)} lines")
    return unicodedata.normalize("NFC", lines[0])


def drawn(assignment: Assignment, key: str, student: str | None = None) -> Variant:
    """The variant of a key, for one student or for a class.

    An option draws one of its choices that are not for practice; a free one may draw that too.
    """
    words = [] if student is None else [unicodedata.normalize("NFC", student)]
    found = {}
    for name, choices in assignment.options.items():
        open_to = list(choices)[0 if name in assignment.free else 1 :]
        found[name] = open_to[number(key, assignment.name, name, *words) % len(open_to)]
    return found


def number(key: str, *words: str) -> int:
    """A pseudorandom integer derived from the key (HMAC-SHA256)."""
    message = "\0".join(("minigen homework", str(FORMAT), *words)).encode()
    return int.from_bytes(hmac.digest(key.encode(), message, hashlib.sha256)[:8], "big")


def header(assignment: Assignment, variant: Variant, student: str | None = None) -> str:
    """The first line of a handout: which assignment, format and variant it is, and whose."""
    whose = "" if student is None else f"for {json.dumps(student)}, "
    return f"{MARK} {assignment.name}, format {FORMAT}, {whose}variant {json.dumps(variant)}"


def known(assignment: Assignment, variant: Any) -> Variant:
    """The variant, refused if it is none of this assignment's."""
    if not isinstance(variant, dict) or variant.keys() != assignment.options.keys():
        raise validate.expected("variant", f"choices for {list(assignment.options)}", repr(variant))
    for name, choices in assignment.options.items():
        validate.choice(f"variant[{name}]", variant[name], tuple(choices))
    return variant


def words(variant: Variant) -> str:
    """The variant in a line."""
    return ", ".join(f"{name}: {choice}" for name, choice in variant.items())
