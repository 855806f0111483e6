"""Text as sequences of symbols: the user's file, or the one shipped (see ALICE.md)."""

import importlib.resources
import os
import pathlib
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import Several, checked, fields
from minigen.core.validate import expected, integer
from minigen.data.csv_file import decoded


@dataclass(frozen=True, eq=False, repr=False)
class Text:
    """Paragraphs as sequences of symbol numbers.

    Attributes
    ----------
    symbols : the different characters, sorted
    sequences : arrays of symbol numbers, one for each paragraph

    Examples
    --------
    >>> alice = mg.data.text()
    >>> alice.decode(alice.encode("Alice"))
    'alice'
    """

    symbols: str
    sequences: tuple[NDArray, ...]
    __post_init__ = fields

    @property
    def states(self) -> int:
        """K, the number of different symbols."""
        return len(self.symbols)

    @checked
    def encode(self, string: str) -> NDArray:
        """The symbol numbers of a string, (n,); it is normalised as the text was.

        Parameters
        ----------
        string : of symbols of the text

        Returns
        -------
        (n,) whole numbers

        Examples
        --------
        >>> mg.data.text().encode("cab").shape
        (3,)
        """
        string = _normalised(string)
        unknown = sorted(set(string) - set(self.symbols))
        if unknown:
            raise expected("string", f"the symbols {self.symbols!r}", repr("".join(unknown)))
        number = {c: k for k, c in enumerate(self.symbols)}
        return np.array([number[c] for c in string], np.int64)

    @checked
    def decode(self, numbers: ArrayLike) -> str:
        """The string of symbol numbers (n,).

        Parameters
        ----------
        numbers : (n,), each 0 .. K-1

        Returns
        -------
        The string

        Examples
        --------
        >>> alice = mg.data.text()
        >>> alice.decode(alice.encode("the cat"))
        'the cat'
        """
        known = validate.integers("numbers", numbers, 0, self.states - 1, ("n",))
        return "".join(self.symbols[k] for k in known)

    @checked
    def split(self, every: Several = 5) -> tuple[list[NDArray], list[NDArray]]:
        """(train, held_out): lists of sequences; every fifth one is held out.

        Parameters
        ----------
        every : which sequences are held out

        Returns
        -------
        train, held_out: lists of sequences

        Examples
        --------
        >>> train, held_out = mg.data.text().split()
        >>> len(train) > len(held_out)
        True
        """
        every = integer("every", every, 2)
        if len(self.sequences) < every:
            raise expected("text", f"at least {every} paragraphs to split", len(self.sequences))
        train = [s for k, s in enumerate(self.sequences) if k % every != every - 1]
        return train, list(self.sequences[every - 1 :: every])

    def __repr__(self) -> str:
        characters = sum(map(len, self.sequences))
        return f"Text({len(self.sequences)} paragraphs, {characters} of {self.states} symbols)"


@checked
def text(path: str | os.PathLike[str] | None = None) -> Text:
    """The text of a file in lower case, as sequences of symbols.

    Paragraphs are separated by blank lines, or are the lines where no line is blank; runs of white
    space within one count as a single space.

    Parameters
    ----------
    path : of a UTF-8 text file; by default two chapters of Alice in Wonderland

    Returns
    -------
    Text

    Examples
    --------
    >>> mg.data.text()
    Text(48 paragraphs, 21506 of 38 symbols)
    """
    shipped = importlib.resources.files("minigen.data") / "alice.txt"
    name, source = ("alice.txt", shipped) if path is None else (str(path), pathlib.Path(path))
    lines = decoded(name, source.read_bytes()).replace("\r\n", "\n").replace("\r", "\n")
    parts = re.split(r"\n\s*\n", lines.strip())
    parts = lines.splitlines() if len(parts) == 1 else parts
    paragraphs = [p for p in map(_normalised, parts) if p]
    if not paragraphs:
        raise expected(name, "text", "an empty file")
    bare = Text("".join(sorted(set("".join(paragraphs)))), ())
    return Text(bare.symbols, tuple(map(bare.encode, paragraphs)))


def _normalised(string: str) -> str:
    """Lower case, white space as single spaces."""
    return " ".join(string.lower().split())
