"""What every room uses: files replaced whole, tables, and errors that name the argument."""

import numpy as np
import pytest

from minigen.core import files, text, validate


def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "a.bin"
    files.replace(path, "old \u00e4")
    with pytest.raises(KeyboardInterrupt), files.replacing(path) as file:
        file.write(b"half of the n")
        raise KeyboardInterrupt
    assert path.read_text(encoding="utf-8") == "old \u00e4" and [*tmp_path.iterdir()] == [path]


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with files.replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new" and [*tmp_path.iterdir()] == [path]


def test_the_columns_of_a_table_are_aligned():
    lines = text.table([("moons", 1.5), ("a longer name", 20)], header=("data", "nats")).split("\n")
    assert lines == [
        "data           nats",
        "-------------------",
        "moons          1.5",
        "a longer name  20",
    ]
    assert text.table([("a", 1)]) == "a  1"


def test_an_error_is_of_pythons_kind_and_of_the_kind_that_the_command_line_answers():
    value, kind = validate.expected("n", "an integer", -1), validate.wrong_type("n", "a", "b")
    assert isinstance(value, ValueError) and isinstance(kind, TypeError)
    assert isinstance(value, validate.InvalidInput) and isinstance(kind, validate.InvalidInput)
    assert str(value) == "n: expected an integer, got -1"


TABLE = np.zeros((3, 2))


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: validate.array("x", [[1], [1, 2]]), ValueError, "x: expected an array, got ragg"),
        (lambda: validate.array("x", ["a"]), TypeError, "x: .* real numbers, got dtype <U1"),
        (lambda: validate.array("x", [None]), TypeError, "x: .* real numbers, got a missing value"),
        (lambda: validate.array("x", [1j]), TypeError, "x: .* real numbers, got dtype complex"),
        (lambda: validate.array("x", TABLE, ("N", "N")), ValueError, r"\(N, N\), got \(3, 2\)"),
        (lambda: validate.array("x", TABLE, (3,)), ValueError, r"x: .* \(3,\), got \(3, 2\)"),
        (lambda: validate.array("x", [[0], [np.inf]]), ValueError, r"got inf at index \(1, 0\)"),
        (
            lambda: validate.integers("k", [0, 1.5], 0, 3),
            ValueError,
            r"k: .*, got 1.5 at .* \(1,\)",
        ),
        (lambda: validate.integers("k", [0, 4], 0, 3), ValueError, r"k: .* 0\.\.3, got 4 at .*1,"),
        (lambda: validate.integers("k", -1, 0, 3), ValueError, r"k: .* 0\.\.3, got -1$"),
        (lambda: validate.integer("n", True, 0), TypeError, "n: expected an integer, got True"),
        (lambda: validate.integer("n", 5, 0, 4), ValueError, r"n: .* in 0\.\.4, got 5"),
        (lambda: validate.number("a", "1"), TypeError, "a: expected a number, got '1'"),
        (lambda: validate.number("a", np.nan), ValueError, "a: expected a finite number, got nan"),
        (lambda: validate.choice("kind", "c", ("a", "b")), ValueError, "kind: .* one of a, b"),
        (lambda: validate.generator(0), TypeError, "rng: expected a numpy.random.Generator, got 0"),
    ],
)
def test_what_is_not_allowed_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert isinstance(caught.value, validate.InvalidInput)


def test_what_is_allowed_comes_back_in_its_type():
    whole = validate.integers("k", [0.0, 3.0], 0, 3)
    assert whole.dtype == np.int64 and whole.tolist() == [0, 3]
    assert validate.array("x", [1, 2], ("N",), np.float32).dtype == np.float32
    assert (
        validate.integer("n", np.int32(4), 0) == 4 and validate.number("a", np.float32(0.5)) == 0.5
    )
    assert validate.optional_integer("n", None, 1) is None
    assert validate.widths("hidden", 8) == (8,) and validate.widths("hidden", [8, 4]) == (8, 4)
