"""The categorical chain on real text, and text as sequences."""

import numpy as np
import pytest

from minigen.data.texts import text
from minigen.markov import fit_categorical, fit_unigram, perplexity


def test_the_shipped_text_is_read_whole():
    alice = text()
    assert len(alice.sequences) > 40 and sum(map(len, alice.sequences)) > 20000
    first = alice.decode(alice.sequences[1])
    assert first.startswith("alice was beginning to get very tired of sitting by her sister")
    assert alice.states == len(set("".join(map(alice.decode, alice.sequences))))
    assert np.array_equal(alice.encode(first), alice.sequences[1])


def test_letters_are_easier_to_guess_after_the_letter_before():
    alice = text()
    train, held_out = alice.split()
    assert len(train) + len(held_out) == len(alice.sequences)
    options = {"states": alice.states, "pseudocount": 0.1}
    chain, unigram = fit_categorical(train, **options), fit_unigram(train, **options)
    assert perplexity(chain, train) < perplexity(chain, held_out) < 11
    assert 18 < perplexity(unigram, held_out) < 20 < alice.states


def test_a_text_of_the_users_is_read_by_paragraph_or_line(tmp_path):
    path = tmp_path / "own.txt"
    path.write_bytes("\ufeffEine  Maus\r\nund ein Käse.\r\n\r\nEnde".encode())
    own = text(path)
    assert [own.decode(s) for s in own.sequences] == ["eine maus und ein käse.", "ende"]
    path.write_text("one\ntwo\n", encoding="utf-8")
    assert [len(s) for s in text(str(path)).sequences] == [3, 3]


def test_a_text_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "bad.txt"
    path.write_bytes(b"fine\n\xff\xfe")
    with pytest.raises(ValueError, match=r"bad.txt:2: expected text in UTF-8"):
        text(path)
    path.write_bytes(b" \n ")
    with pytest.raises(ValueError, match=r"bad.txt: expected text, got an empty file"):
        text(path)
    path.write_text("a b", encoding="utf-8")
    with pytest.raises(ValueError, match="text: expected at least 5 paragraphs to split, got 1"):
        text(path).split()
    with pytest.raises(ValueError, match="string: expected the symbols ' ab', got 'xy'"):
        text(path).encode("a x y")
