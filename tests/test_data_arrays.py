"""Array files: the numbers that stand in one, or why they are refused; never anything else."""

import io
import re
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from minigen import data
from minigen.core.validate import InvalidInput

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
ROWS = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=5), elements=FLOATS)


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content)
    return path


def npy(x, **changes):
    """The bytes of a .npy file; `changes` replace entries of its header."""
    header = {"descr": x.dtype.str, "fortran_order": False, "shape": x.shape} | changes
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + x.tobytes()


def npz(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def zipped(members, method=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one name twice is meant
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def refusal(path):
    with pytest.raises(ValueError) as error:
        data.read(path)
    assert "pickle" not in str(error.value).lower() and len(str(error.value)) < 300 + len(str(path))
    return str(error.value)


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "<f2", "<i8", "|u1", ">i2", "g"])
@pytest.mark.parametrize("order", "CF")
def test_arrays_of_every_numeric_type_are_read(tmp_path, dtype, order):
    x = np.array([[1, 2, 3], [4, 5, 6]], dtype, order=order)
    np.save(tmp_path / "x.npy", x)
    y = data.read(tmp_path / "x.npy")
    assert y.dtype == np.float64 and y.dtype.isnative and np.array_equal(y, x)
    y += 1  # in memory of its own


def test_an_archive_has_rows_and_may_have_labels(tmp_path):
    x, y = np.arange(6.0).reshape(3, 2), np.array([0, 1, 0])
    for content in (npz(x=x, y=y), npz(x=x, y=y, z=y), npz(other=x, y=y)):
        path = write(tmp_path, "a.npz", content)
        assert np.array_equal(data.read(path), x) and np.array_equal(data.read_labels(path), y)
    np.savez_compressed(tmp_path / "b.npz", only=x)
    assert np.array_equal(data.read(str(tmp_path / "b.npz")), x)
    with pytest.raises(ValueError, match="expected an array y of labels, got none"):
        data.read_labels(tmp_path / "b.npz")
    short = write(tmp_path, "c.npz", npz(x=x, y=y[:2]))
    with pytest.raises(ValueError, match=r"c.npz: y: expected shape \(3,\), got \(2,\)"):
        data.read_labels(short)


X = np.arange(6.0).reshape(3, 2)
V2 = b"\x93NUMPY\x02\x00" + b"\xff\xff\xff\xff"
BAD_ARRAYS = {
    "an empty file": (b"", "expected a readable NumPy file"),
    "text": (b"1,2\n3,4\n", "expected a readable NumPy file"),
    "half a header": (npy(X)[:40], "expected a readable NumPy file"),
    "a header of 4 GB": (V2, "expected a readable NumPy file"),
    "a header of 4 GB and some": (V2 + b" " * 20_000, "expected a readable NumPy file"),
    "a version to come": (npy(X).replace(b"Y\x01", b"Y\x09", 1), "expected a readable NumPy"),
    "odd Python": (npy(X).replace(b"False", b"'\\d' ", 1), "expected a readable NumPy file"),
    "a call": (npy(X).replace(b"False", b"id(1)", 1), "expected a readable NumPy file"),
    "10^10 numbers": (npy(X, shape=(10**10,)), "expected 80000000000 bytes for shape"),
    "10^40 numbers": (npy(X, shape=(10**20, 10**20)), "bytes for shape (1000000000000000000"),
    "a missing row": (npy(X)[:-16], "expected 48 bytes for shape (3, 2) of float64, got 32"),
    "a row too many": (npy(X) + bytes(16), "expected 48 bytes for shape (3, 2) of float64, got 64"),
    "negative sizes": (npy(X, shape=(-3, -2)), "expected at least one number, got shape (-3, -2)"),
    "no rows": (npy(np.zeros((0, 2))), "expected at least one number, got shape (0, 2)"),
    "no columns": (npy(np.zeros((2, 0))), "expected at least one number, got shape (2, 0)"),
    "one number": (npy(np.array(1.0)), "expected shape (N, D), got ()"),
    "a vector": (npy(np.zeros(3)), "expected shape (N, D), got (3,)"),
    "pictures": (npy(np.zeros((3, 8, 8))), "expected shape (N, D), got (3, 8, 8)"),
    "objects": (npy(np.zeros(3), descr="|O"), "expected an array of real numbers, got dtype obj"),
    "text cells": (npy(np.array([["a"]])), "expected an array of real numbers, got dtype <U1"),
    "complex numbers": (npy(X + 1j), "expected an array of real numbers, got dtype complex128"),
    "dates": (npy(X.astype("M8[s]")), "expected an array of real numbers, got dtype datetime64"),
    "records": (npy(np.zeros(2, "f8,i4"), descr=[("a", "<f8"), ("b", "<i4")]), "expected an array"),
    "nan": (npy(np.array([[1], [np.nan]])), "expected finite numbers, got nan at index (1, 0)"),
    "inf": (npy(np.array([[1, -np.inf]])), "expected finite numbers, got -inf at index (0, 1)"),
}


@pytest.mark.parametrize("suffix", ["npy", "npz"])
@pytest.mark.parametrize("content, message", BAD_ARRAYS.values(), ids=BAD_ARRAYS.keys())
def test_arrays_are_refused_for(tmp_path, content, message, suffix):
    content = content if suffix == "npy" else zipped([("x.npy", content)])
    path = write(tmp_path, f"x.{suffix}", content)
    text = refusal(path)
    assert text.startswith(str(path)) and message in text


def flipped(content, where, to):
    return content[:where] + to + content[where + len(to) :]


BAD_ARCHIVES = {
    "no archive": (b"PK\x03\x04 and then nothing", "expected a readable NumPy file"),
    "an empty archive": (zipped([]), "expected an array named x, or only one, got none"),
    "labels alone": (npz(y=X), "expected an array named x, or only one, got none"),
    "two arrays": (npz(a=X, b=X), "expected an array named x, or only one, got a, b"),
    "one name twice": (zipped([("x.npy", npy(X))] * 2), "expected arrays of different names"),
    "half an archive": (npz(x=X)[:150], "expected a readable NumPy file"),
    "a wrong checksum": (flipped(npz(x=X), 180, b"\xff\xff"), "expected a readable NumPy file"),
    "another compression": (zipped([("x.npy", npy(X)[:50])], zipfile.ZIP_LZMA), "readable NumPy"),
    "something else inside": (zipped([("x.txt", b"hello")]), "expected a readable NumPy file"),
}


@pytest.mark.parametrize("content, message", BAD_ARCHIVES.values(), ids=BAD_ARCHIVES.keys())
def test_archives_are_refused_for(tmp_path, content, message):
    assert message in refusal(write(tmp_path, "x.npz", content))


def test_an_object_array_is_never_unpickled(tmp_path):
    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    for name, save in (("x.npy", np.save), ("x.npz", np.savez)):
        save(tmp_path / name, np.array([[Payload()]], dtype=object))
        assert "expected an array of real numbers, got dtype object" in refusal(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_a_bomb_is_refused_before_it_goes_off(tmp_path):
    """Fifty megabytes of zeros, well compressed, behind a header that declares three rows."""
    path = write(tmp_path, "x.npz", zipped([("x.npy", npy(X) + bytes(50 * 10**6))]))
    assert path.stat().st_size < 10**5
    tracemalloc.start()
    assert "expected 48 bytes for shape (3, 2) of float64, got 50000048" in refusal(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10**6


def test_damaged_archives_are_read_right_or_refused(tmp_path):
    """A checksum guards an archive: no flipped byte may give other numbers, or another error."""
    rng, content = np.random.default_rng(0), npz(x=X, y=np.arange(3))
    path = tmp_path / "x.npz"
    for _ in range(400):
        damaged = bytearray(content)
        for where in rng.integers(len(content), size=rng.integers(1, 4)):
            damaged[where] ^= 1 << rng.integers(8)
        path.write_bytes(damaged[: rng.choice([len(content), rng.integers(len(content))])])
        try:
            assert np.array_equal(data.read(path), X)
        except ValueError as error:
            assert str(error).startswith(str(path))


@pytest.mark.parametrize("name", ["x", "x.txt", "x.parquet", "x.npz.gz"])
def test_other_files_are_refused_by_suffix(name):
    with pytest.raises(ValueError, match=rf"{re.escape(name)}: suffix: expected one of .csv"):
        data.read(name)


@pytest.mark.parametrize("suffix", ["csv", "npy", "npz"])
def test_a_missing_file_is_a_missing_file(tmp_path, suffix):
    with pytest.raises(FileNotFoundError, match=f"nowhere.{suffix}"):
        data.read(tmp_path / f"nowhere.{suffix}")


@given(ROWS, st.integers(1, 9))
def test_split_deals_each_row_into_one_part(x, tenths):
    rows = np.concatenate([x] * 20)
    parts = data.split(rows, (tenths / 10, 1 - tenths / 10), rng=np.random.default_rng(0))
    assert [len(p) for p in parts] == [2 * tenths * len(x), (20 - 2 * tenths) * len(x)]
    together = np.concatenate(parts)
    assert np.array_equal(together[np.lexsort(together.T)], rows[np.lexsort(rows.T)])


@pytest.mark.parametrize(
    "fractions, message",
    [
        ((0.5, 0.4), r"fractions: expected parts of 1, got \(0.5, 0.4\)"),
        ((1.5, -0.5), r"fractions\[0\]: expected a number in \[0, 1\], got 1.5"),
        ((0.99, 0.01), r"x: expected a row for each of \(0.99, 0.01\), got 10 rows"),
    ],
)
def test_split_refuses(fractions, message, rng):
    with pytest.raises(ValueError, match=message):
        data.split(np.zeros((10, 2)), fractions, rng=rng)


def test_data_labels_and_context_are_split_together(rng):
    x, y, c = np.arange(30.0).reshape(10, 3), np.arange(10), [[k] for k in range(10)]
    parts = data.split((x, y, c), (0.5, 0.3, 0.2), rng=rng)
    assert [len(part[0]) for part in parts] == [5, 3, 2]
    for px, py, pc in parts:
        assert np.array_equal(px, x[py]) and np.array_equal(pc[:, 0], py)
    assert sorted(np.concatenate([py for _, py, _ in parts])) == list(range(10))


@pytest.mark.parametrize(
    "x, message",
    [
        ((np.zeros((4, 2)), np.zeros(3)), r"as many rows in each array, got \[4, 3\]"),
        ((), "arrays of rows"),
        ((np.zeros((4, 2)), 3), "arrays of rows"),
        ((np.zeros((4, 2)), ["a"] * 4), r"x\[1\]: expected an array of real numbers"),
    ],
)
def test_a_joint_split_is_refused_for(rng, x, message):
    with pytest.raises((ValueError, TypeError), match=message):
        data.split(x, (0.5, 0.5), rng=rng)


def test_a_large_array_is_mapped_and_not_copied(tmp_path, rng):
    """Half a byte for each byte of the file would be a copy in single precision."""
    x, path = rng.standard_normal((200_000, 16)), tmp_path / "x.npy"
    np.save(path, x)
    content = path.read_bytes()
    tracemalloc.start()
    y = data.read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < x.nbytes / 3 and np.array_equal(x, y)
    y[0] = 7.0
    assert path.read_bytes() == content and np.array_equal(data.read(path), x)


@pytest.mark.parametrize("shape", [(3, 800_000), (2_400_000, 1)])
def test_a_large_array_of_another_type_or_order_is_read_whole(tmp_path, shape, rng):
    x = np.asfortranarray(rng.standard_normal(shape).astype(">f8"))
    np.save(tmp_path / "x.npy", x)
    y = data.read(tmp_path / "x.npy")
    assert y.dtype == np.float64 and y.flags.writeable and np.array_equal(x, y)


def test_a_large_file_that_is_cut_short_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((300_000, 8)))
    content = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(content[:-8])
    with pytest.raises(InvalidInput, match=r"19200000 bytes for shape .*, got 19199992"):
        data.read(tmp_path / "x.npy")
