"""CSV files: the numbers that stand in one, or the line and column of the first mistake."""

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
    "a boolean": ("1,2\n3,True\n", ":2:2: expected a finite number, got 'True'"),
    "a complex number": ("1,2\n3,1+2j\n", ":2:2: expected a finite number, got '1+2j'"),
    "digits grouped Python's way": ("1,2\n3,1_000\n", ":2:2: expected a finite number, got '1_0"),
    "hexadecimal": ("1,2\n3,0x10\n", ":2:2: expected a finite number, got '0x10'"),
    "decimal commas": ('1,2\n"3,5",4\n', ":2:1: expected a finite number, got '3,5' (columns are"),
    "semicolons": ("1;2\n3;4\n", ":2:1: expected a finite number, got '3;4' (columns are"),
    "semicolons and decimal commas": ("1,5;2\n3,4;1\n", ":1:2: expected a finite number, got '5;2"),
    "tabs": ("1\t2\n3\t4\n", ":2:1: expected a finite number, got '3\\t4' (columns are"),
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
