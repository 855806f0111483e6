"""CSV files: the numbers that stand in one, or the line and column of the first mistake."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from minigen import data

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
ROWS = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=5), elements=FLOATS)


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@given(ROWS)
def test_csv_gives_back_what_was_written(tmp_path_factory, x):
    text = "\n".join(",".join(map(repr, row)) for row in x.tolist())
    path = write(tmp_path_factory.mktemp("csv"), "x.csv", text)
    assert np.array_equal(data.read(path), x)


GOOD = {
    "plain": "1,2\n3,4\n",
    "no newline at the end": "1,2\n3,4",
    "a header": "a,b\n1,2\n3,4\n",
    "a byte order mark": b"\xef\xbb\xbfa,b\n1,2\n3,4\n",
    "a byte order mark before numbers": b"\xef\xbb\xbf1,2\n3,4\n",
    "Windows line ends": "a,b\r\n1,2\r\n3,4\r\n",
    "old Mac line ends": "1,2\r3,4\r",
    "spaces": " 1 , 2 \n3,\t4\n",
    "quotes": '"a","b, in mm"\n"1","2"\n3,"4"\n',
    "semicolons": "1;2\n3;4\n",
    "semicolons below names with a comma in one": '"a, in mm";b\n1;2\n3;4\n',
    "tabs": "1\t2\n3\t4\n",
    "blank lines at the end": "1,2\n3,4\n\n \n\n",
    "exponents": "1e0,+2.\n.3e1,400E-2\n",
    "a name over two lines": '"a\nb",c\n1,2\n3,4\n',
}


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD.keys())
def test_csv_tolerates(tmp_path, content):
    x = data.read(write(tmp_path, "x.CSV", content))
    assert x.dtype == np.float64 and np.array_equal(x, [[1, 2], [3, 4]])


BAD_CSV = {
    "an empty file": ("", ": expected rows of numbers, got an empty file"),
    "blank lines only": ("\n\n \n", ": expected rows of numbers, got an empty file"),
    "a byte order mark alone": (b"\xef\xbb\xbf", ": expected rows of numbers, got an empty file"),
    "names only": ("a,b\n", ": expected rows of numbers, got column names only"),
    "a short row": ("1,2\n3\n", ":2:2: expected as many columns as line 1, 2, got 1"),
    "a long row": ("1,2\n3,4,5\n", ":2:3: expected as many columns as line 1, 2, got 3"),
    "a trailing comma": ("1,2\n3,4,\n", ":2:3: expected as many columns as line 1, 2, got 3"),
    "more names than numbers": ("a,b,c\n1,2\n", ":2:3: expected as many columns as line 1, 3"),
    "text": ("1,2\n3,x\n", ":2:2: expected a finite number, got 'x'"),
    "text in the first line": ("1,x\n3,4\n", ":1:2: expected a finite number, got 'x'"),
    "a second header": ("a,b\nc,d\n1,2\n", ":2:1: expected a finite number, got 'c'"),
    "nan": ("1,2\nnan,4\n", ":2:1: expected a finite number, got 'nan'"),
    "nan in the first line": ("nan,nan\n3,4\n", ":1:1: expected a finite number, got 'nan'"),
    "inf after a header": ("a,b\n1,2\n3,-inf\n", ":3:2: expected a finite number, got '-inf'"),
    "a number beyond float64": ("1,1e400\n", ":1:2: expected a finite number, got '1e400'"),
    "an empty cell": ("1,2\n,4\n", ":2:1: expected a finite number, got an empty cell"),
    "empty cells": ("1,2\n,\n", ":2:1: expected a finite number, got an empty cell"),
    "NA": ("1,2\n3,NA\n", ":2:2: expected a finite number, got 'NA'"),
    "a complex number": ("1,2\n3,1+2j\n", ":2:2: expected a finite number, got '1+2j'"),
    "digits grouped Python's way": ("1,2\n3,1_000\n", ":2:2: expected a finite number, got '1_0"),
    "hexadecimal": ("1,2\n3,0x10\n", ":2:2: expected a finite number, got '0x10'"),
    "decimal commas": ('1,2\n"3,5",4\n', ":2:1: expected a finite number, got '3,5' (columns are"),
    "semicolons and decimal commas": ("1,5;2\n3,4;1\n", ":1:2: expected a finite number, got '5;2"),
    "spaces for commas": ("1 2\n3 -4\n", ":2:1: expected a finite number, got '3 -4' (columns are"),
    "a comment": ("1,2\n# note\n3,4\n", ":2:2: expected as many columns as line 1, 2, got 1"),
    "an index column": (",a,b\n0,1,2\n", ":1:1: expected a column name, got an empty cell (an i"),
    "a gap": ("1,2\n\n3,4\n", ":2: expected a row of numbers, got a blank line before other rows"),
    "a gap at the top": ("\n1,2\n", ":1: expected a row of numbers, got a blank line before"),
    "a quote left open": ('1,2\n"3,4\n5,6\n', ":3: expected comma-separated values, got unexpe"),
    "a quote in a cell": ('1,2\n"3"4,5\n', ":2: expected comma-separated values, got ',' exp"),
    "Latin-1": (b"a,b\n1,2\n\xe9,4\n", ":3: expected text in UTF-8, got bytes that are not"),
    "UTF-16": ("1,2\n".encode("utf-16"), ":1: expected text in UTF-8, got bytes that are not"),
    "a NUL": ("1,2\n3,\x004\n", ":2:2: expected a finite number, got '\\x004'"),
    "a long text": ("1,2\n3," + "x" * 500, f":2:2: expected a finite number, got '{'x' * 37}...'"),
    "a huge cell": ("1,2\n3," + "1" * 200_000, ":2: expected comma-separated values, got field"),
    "a million columns": ("1,2\n" + "1," * 10**6, ":2:3: expected as many columns as line 1, 2"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", ":1: expected text in UTF-8, got bytes"),
}


@pytest.mark.parametrize("content, message", BAD_CSV.values(), ids=BAD_CSV.keys())
def test_csv_names_the_line_and_column_of(tmp_path, content, message):
    path = write(tmp_path, "x.csv", content)
    with pytest.raises(ValueError) as error:
        data.read(path)
    assert str(error.value).startswith(f"{path}{message}")
    assert len(str(error.value)) < 200 + len(str(path))


TSV = "a,1\tb\n1\t2\n3\t4\n"


def test_a_tsv_file_has_tabs(tmp_path):
    table = data.table(write(tmp_path, "x.tsv", TSV))
    assert table.x.tolist() == [[1, 2], [3, 4]] and table.columns == ("a,1", "b")


def test_booleans_are_zero_and_one(tmp_path):
    """What pandas writes of one-hot columns."""
    table = data.table(write(tmp_path, "x.csv", "a,b\n1.5,True\n2,False\n"))
    assert table.x.tolist() == [[1.5, 1], [2, 0]]


IRIS = "sepal,petal,species\n5,1.5,setosa\n6,4.5,versicolor\n5,1.4,setosa\n"


@pytest.mark.parametrize("label", ["species", "3", 3])
def test_a_label_is_a_column_of_words(tmp_path, label):
    table = data.table(write(tmp_path, "x.csv", IRIS), label=label)
    assert table.columns == ("sepal", "petal") and table.label == "species"
    assert table.classes == ("setosa", "versicolor") and table.y.tolist() == [0, 1, 0]
    assert table.x.tolist() == [[5, 1.5], [6, 4.5], [5, 1.4]]


def test_columns_are_left_out_by_name_or_number(tmp_path):
    path = write(tmp_path, "x.csv", IRIS)
    assert data.table(path, drop=["species"]).columns == ("sepal", "petal")
    assert data.table(path, drop=("1", "species")).columns == ("petal",)
    assert data.table(path, columns=["petal", 1], drop=[]).columns == ("petal", "sepal")
    np.save(tmp_path / "x.npy", np.arange(6.0).reshape(2, 3))
    assert data.table(tmp_path / "x.npy", columns=[3, 1]).x.tolist() == [[2, 0], [5, 3]]
    assert data.table(tmp_path / "x.npy", drop=[1]).x.tolist() == [[1, 2], [4, 5]]
    table = data.table(tmp_path / "x.npy", label=3)
    assert table.classes == ("2", "5") and table.names == ("column 1", "column 2")
    np.savez(tmp_path / "x.npz", x=np.ones((2, 1)), y=[7, 5])
    table = data.table(tmp_path / "x.npz", label="y")
    assert table.classes == ("5", "7") and table.y.tolist() == [1, 0]


def test_numbers_as_classes_are_in_their_order(tmp_path):
    path = write(tmp_path, "x.csv", "1.5,10\n2,9\n3,10\n")
    assert data.table(path, label=2).classes == ("9", "10")


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"label": "kind"},
            r"label: .*: one of sepal, petal, species, or a number",
        ),
        ({"label": "4"}, r"a number in 1\.\.3, got '4'"),
        ({"drop": ["x"]}, "drop: expected a column of"),
        ({"drop": ["species"], "label": "species"}, "drop: expected other columns than the label"),
        ({"drop": "123"}, "drop: expected a column of"),
        ({"drop": [1, 2], "label": 3}, "a column of numbers beside those left out, got none"),
        (
            {},
            r":2:3: .*'setosa' \(a label\? `label` names its column, `drop` leaves it out",
        ),
        ({"label": "sepal", "header": False}, "label: expected a column of"),
    ],
)
def test_columns_are_refused_by_name(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        data.table(write(tmp_path, "x.csv", IRIS), **options)


@pytest.mark.parametrize(
    "content, message",
    [
        ("a,b\n1,x\n2,\n", r"x.csv:3:2: expected a label, got an empty cell"),
        ("b,b\n1,x\n2,y\n", "expected a name that one column of .* has, got 'b', which two have"),
    ],
)
def test_a_label_is_refused_for(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        data.table(write(tmp_path, "x.csv", content), label="b")


def test_a_label_of_a_value_for_each_row_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((100, 2)))
    with pytest.raises(ValueError, match="a column of few classes, got 100 of them"):
        data.table(tmp_path / "x.npy", label=2)


YEARS = "2019,2020\n1.5,2.5\n3.5,1.5\n2.5,0.5\n"


def test_whole_numbers_above_fractions_are_refused_until_it_is_said_what_they_are(tmp_path):
    path = write(tmp_path, "x.csv", YEARS)
    with pytest.raises(ValueError, match=r"x.csv:1: expected names, or numbers .* got 2019, 2020"):
        data.read(path)
    assert len(data.table(path, header=False)) == 4
    assert data.table(path, header=True).columns == ("2019", "2020")


def test_names_that_are_numbers_of_pandas_are_names(tmp_path):
    path = write(tmp_path, "x.csv", "0,1\n1.5,2.5\n")
    with pytest.warns(UserWarning, match="taken for column names"):
        assert data.read(path).tolist() == [[1.5, 2.5]]
    assert len(data.table(path, header=False)) == 2


PANDAS = {
    "an index": (",0,1\n" + "7,1.5,2.5\n" * 4, {"drop": "column 1"}, ("0", "1")),
    "an index of one column": (",0\n" + "7,1.5\n" * 4, {"drop": "1"}, ("0",)),
    "an index with a label": (",0,kind\n" + "7,1.5,a\n8,2.5,b\n" * 3, {"drop": 1}, ("0",)),
    "an index below names": (",a,b\n" + "7,1.5,2.5\n" * 4, {"drop": "1"}, ("a", "b")),
    "numbers beside a word": ("0,1,kind\n" + "1.5,2.5,a\n2.5,1.5,b\n" * 3, {}, ("0", "1")),
}


@pytest.mark.parametrize("text, options, columns", PANDAS.values(), ids=PANDAS.keys())
def test_what_pandas_writes_by_default_is_never_a_row(tmp_path, text, options, columns):
    """Its index has an empty name, and can be left out; names of no name are 0, 1, ..."""
    label = {"label": "kind"} if "kind" in text else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        table = data.table(write(tmp_path, "x.csv", text), **options, **label)
    assert table.columns == columns and len(table) == text.count("\n") - 1
    assert table.classes == (("a", "b") if label else ())


def test_an_index_that_is_not_left_out_is_refused_with_its_number(tmp_path):
    with pytest.raises(
        ValueError, match=r"x.csv:1:1: .* empty cell .* `drop` 'column 1' leaves it out"
    ):
        data.table(write(tmp_path, "x.csv", ",a\n0,1.5\n"))


def test_a_0_above_one_column_of_fractions_may_be_its_name_and_may_not(tmp_path):
    path = write(tmp_path, "x.csv", "0\n1.5\n2.5\n0.5\n")
    with pytest.raises(ValueError, match=r"names, or numbers like those below it"):
        data.table(path)
    assert len(data.table(path, header=True)) == 3 and len(data.table(path, header=False)) == 4
    assert len(data.table(write(tmp_path, "x.csv", "3\n1.5\n2.5\n0.5\n"))) == 4


def test_a_whole_number_is_one_label_however_it_is_written(tmp_path):
    path = write(tmp_path, "x.csv", "a,c\n1.5,2.0\n2.5,2\n3.5,10.\n4.5,1e1\n5.5,007\n")
    table = data.table(path, label="c")
    assert table.classes == ("2", "007", "10", "1e1") and table.y.tolist() == [0, 0, 2, 3, 1]
    np.savez(tmp_path / "x.npz", x=np.eye(3), y=[1234567.0, 1234568.0, 1234567.0])
    table = data.table(tmp_path / "x.npz", label="y")
    assert table.classes == ("1234567", "1234568") and table.y.tolist() == [0, 1, 0]


def test_true_is_one_label_in_any_library(tmp_path):
    table = data.table(write(tmp_path, "x.csv", "a,c\n1.5,True\n2.5,true\n3.5,FALSE\n"), label="c")
    assert table.classes == ("False", "True") and table.y.tolist() == [1, 1, 0]


def test_an_array_of_pictures_is_told_from_rows(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 8, 8)))
    with pytest.raises(ValueError, match=r"x.npy: .* got \(3, 8, 8\) \(pictures\? --size"):
        data.table(tmp_path / "x.npy")


def test_floats_that_count_from_0_may_be_names_and_may_not(tmp_path):
    path = write(tmp_path, "x.csv", "0.0,1.0\n" + "5.25,3.5\n7.75,9.5\n" * 3)
    with pytest.raises(ValueError, match=r"names, or numbers like those below it \(`header` says"):
        data.table(path)
    assert len(data.table(path, header=True)) == 6 and len(data.table(path, header=False)) == 7


def test_a_column_without_a_name_goes_by_the_one_that_messages_give_it(tmp_path):
    path = write(tmp_path, "x.csv", "1.5,2\n2.5,1\n3.5,2\n")
    assert data.table(path, label="column 2").classes == ("1", "2")
    assert data.table(path, drop="column 1").x.shape == (3, 1)
    np.save(tmp_path / "x.npy", [[1.5, 2], [2.5, 1], [3.5, 2]])
    assert data.table(tmp_path / "x.npy", label="column 2").classes == ("1", "2")


def test_bars_between_columns_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"x.csv:2:1: .*columns are separated by commas"):
        data.table(write(tmp_path, "x.csv", "a|b\n1.5|2.5\n"))
