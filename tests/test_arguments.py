"""Wrong arguments are refused by name: every public function, by the table of arguments.py."""

import collections
import typing
from collections.abc import Sequence
from typing import Annotated

import arguments
import matplotlib
import numpy as np
import pytest

from minigen.core import signature, validate

matplotlib.use("Agg")
PUBLIC = sorted(arguments.public())


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """What a function writes for a strange path is written there."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", PUBLIC)
def test_wrong_arguments_are_refused_by_name(name):
    """No other error, no NaN, no wrong value taken in silence, no call that does not return."""
    wrong = [a for a in arguments.answers(name) if a.kind not in ("refused", "valid")]
    counts = collections.Counter(a.kind for a in wrong)
    assert not wrong, f"{dict(counts)}\n" + "\n".join(map(str, wrong[:20]))


class Alias:
    """As Python 3.12's `type` statement makes one: no union, no class."""

    def __init__(self, value):
        self.__value__ = value

    def __or__(self, other):
        return typing.Union[self, other]  # noqa: UP007

    def __call__(self):
        """typing takes only what can be called."""


WIDE = Sequence[float] | bool | int | float | complex | str | bytes


@pytest.mark.parametrize("like, array", [(WIDE, np.ndarray), (Alias(WIDE), Alias(np.ndarray))])
def test_annotations_are_checked_with_any_numpy(like, array, monkeypatch):
    """NumPy 2.0 has float and str in its ArrayLike; 2.5 has `type` statements."""
    monkeypatch.setattr(signature, "ArrayLike", like)

    @signature.checked
    def draw(
        top: float | None = None, color: like | None = None,
        x: Annotated[array, "N"] | None = None,
    ) -> tuple:  # fmt: skip
        return top, color

    assert draw(2.0, "red") == (2.0, "red") and draw(None, [0.5]) == (None, [0.5])
    with pytest.raises(validate.InvalidInput, match="top: expected a number"):
        draw("red")
    with pytest.raises(validate.InvalidInput, match="x: expected shape"):
        draw(x=np.zeros((2, 2)))


def test_a_new_public_name_must_stand_in_the_table(monkeypatch):
    """The message says where to add it."""

    def fresh(unheard_of):
        return unheard_of

    monkeypatch.setattr(arguments.mg.flows, "fresh", fresh, raising=False)
    with pytest.raises(KeyError, match=r"'unheard_of' of mg.flows.fresh: add it to GOOD"):
        arguments.door("flows.fresh")


def test_the_table_names_only_what_there_is():
    stale = [n for n in arguments.SKIPPED if not arguments.exists(n)]
    stale += [n for n in arguments.CALLS if not arguments.exists(n.removesuffix("()"))]
    assert not stale
