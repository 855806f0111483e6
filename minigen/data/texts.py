"""Text as sequences of symbols: the user's file, or the one shipped (see ALICE.md)."""

import importlib.resources
import pathlib
import re
from dataclasses import dataclass

import numpy as np

from minigen.core.validate import expected, integer


@dataclass(frozen=True, eq=False, repr=False)
class Text:
    """Paragraphs as sequences of symbol numbers, and the symbols: their characters, sorted."""

    symbols: str
    sequences: tuple

    @property
    def states(self):
        """K, the number of different symbols."""
        return len(self.symbols)

    def encode(self, string):
        """The symbol numbers of a string, (n,); it is normalised as the text was."""
        string = normalised(string)
        unknown = sorted(set(string) - set(self.symbols))
        if unknown:
            raise expected("string", f"the symbols {self.symbols!r}", repr("".join(unknown)))
        number = {c: k for k, c in enumerate(self.symbols)}
        return np.array([number[c] for c in string], np.int64)

    def decode(self, numbers):
        """The string of symbol numbers (n,)."""
        return "".join(self.symbols[k] for k in np.asarray(numbers))

    def split(self, every=5):
        """(train, held_out): lists of sequences; every fifth one is held out."""
        every = integer("every", every, 2)
        if len(self.sequences) < every:
            raise expected("text", f"at least {every} paragraphs to split", len(self.sequences))
        held_out = self.sequences[every - 1 :: every]
        train = [s for k, s in enumerate(self.sequences) if k % every != every - 1]
        return train, list(held_out)

    def __repr__(self):
        characters = sum(map(len, self.sequences))
        return f"Text({len(self.sequences)} paragraphs, {characters} of {self.states} symbols)"


def text(path=None):
    """The text of a UTF-8 file in lower case, by default two chapters of Alice in Wonderland.

    Paragraphs are what blank lines part, or lines where no line is blank; runs of white space
    within one count as a single space.
    """
    name = "alice.txt" if path is None else str(path)
    content = decoded(name, source(path).read_bytes())
    parts = re.split(r"\n\s*\n", content.strip())
    parts = content.splitlines() if len(parts) == 1 else parts
    paragraphs = [p for p in map(normalised, parts) if p]
    if not paragraphs:
        raise expected(name, "text", "an empty file")
    symbols = "".join(sorted(set("".join(paragraphs))))
    bare = Text(symbols, ())
    return Text(symbols, tuple(bare.encode(p) for p in paragraphs))


def source(path):
    """The user's file, or the shipped one."""
    shipped = importlib.resources.files("minigen.data") / "alice.txt"
    return shipped if path is None else pathlib.Path(path)


def decoded(name, content):
    """Bytes as a string, line ends as \\n."""
    try:
        string = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise expected(f"{name}:{line}", "text in UTF-8", "bytes that are not") from None
    return string.replace("\r\n", "\n").replace("\r", "\n")


def normalised(string):
    """Lower case, white space as single spaces."""
    return " ".join(string.lower().split())
