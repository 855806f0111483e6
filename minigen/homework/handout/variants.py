"""Which variant a class gets: drawn from the instructor's key, written into the handout."""

import hashlib
import hmac
import json
import re
from typing import Any

from minigen.core import validate
from minigen.homework.assignments import FORMAT, Assignment
from minigen.homework.types import Variant

MARK = "# minigen homework"
HEADER = re.compile(rf"^{MARK} (\w+), format (\d+), variant (\{{.*\}})\s*$", re.MULTILINE)


def drawn(assignment: Assignment, key: str) -> Variant:
    """The variant of a key: for each option one of the choices that are not for practice."""
    return {
        name: list(choices)[1 + _number(key, assignment.name, name) % (len(choices) - 1)]
        for name, choices in assignment.options.items()
    }


def _number(key: str, *words: str) -> int:
    """A pseudorandom integer derived from the key (HMAC-SHA256)."""
    if not key:
        raise validate.expected("key", "a text of at least one character", repr(key))
    message = "\0".join(("minigen homework", str(FORMAT), *words)).encode()
    return int.from_bytes(hmac.digest(key.encode(), message, hashlib.sha256)[:8], "big")


def header(assignment: Assignment, variant: Variant) -> str:
    """The first line of a handout: which assignment, format and variant it is."""
    return f"{MARK} {assignment.name}, format {FORMAT}, variant {json.dumps(variant)}"


def read(text: str) -> tuple[str, Any] | None:
    """(name, variant) from the header of a file, if it has one."""
    found = HEADER.search(text)
    if not found:
        return None
    name, version, variant = found.groups()
    if int(version) != FORMAT:
        raise validate.expected("format", f"{FORMAT}", f"{version}: made by another minigen")
    try:
        return name, json.loads(variant)
    except ValueError:
        return None


def known(assignment: Assignment, variant: Any) -> Variant:
    """The variant, refused if it is none of this assignment's."""
    if not isinstance(variant, dict) or variant.keys() != assignment.options.keys():
        raise validate.expected("variant", f"choices for {list(assignment.options)}", repr(variant))
    for name, choices in assignment.options.items():
        validate.choice(f"variant[{name}]", variant[name], tuple(choices))
    return variant
