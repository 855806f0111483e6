"""Pictures from users' files: what comes out, and what is refused by file and place."""

import gzip

import numpy as np
import pytest

import minigen as mg
from minigen.core.validate import InvalidInput
from minigen.data.resize import averaged, overlaps


def idx(array, kind=8):
    sizes = np.array(array.shape, ">u4").tobytes()
    return bytes([0, 0, kind, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def png(path, pixels):
    path.parent.mkdir(exist_ok=True)
    pytest.importorskip("PIL.Image").fromarray(pixels).save(path)


@pytest.fixture
def x(rng):
    return rng.integers(0, 256, (6, 8, 10)).astype(np.uint8)


@pytest.mark.parametrize("packed", [False, True])
def test_the_files_of_mnist(tmp_path, x, packed):
    """The labels stand beside the pictures, under MNIST's names."""
    y, end = np.array([3, 1, 4, 1, 5, 9]), ".gz" if packed else ""
    for name, array in (("images-idx3", x), ("labels-idx1", y)):
        content = gzip.compress(idx(array)) if packed else idx(array)
        (tmp_path / f"train-{name}-ubyte{end}").write_bytes(content)
    got = mg.data.pictures(tmp_path / f"train-images-idx3-ubyte{end}")
    assert np.array_equal(got.x, x) and np.array_equal(got.y, y) and got.x.dtype == np.uint8
    assert got.levels == 256 and np.array_equal(got.flat, x.reshape(6, 80))


def test_an_idx_file_without_labels(tmp_path, x):
    (tmp_path / "own.idx").write_bytes(idx(x))
    (tmp_path / "names.idx").write_bytes(idx(np.arange(6)))
    assert mg.data.pictures(tmp_path / "own.idx").y is None
    got = mg.data.pictures(tmp_path / "own.idx", labels=tmp_path / "names.idx")
    assert got.y.tolist() == list(range(6))
    with pytest.raises(InvalidInput, match=r"labels: expected one for each of 6 pictures, got \(2"):
        mg.data.pictures(tmp_path / "own.idx", labels=[0, 1])


GOOD = idx(np.zeros((2, 3, 4)))
BAD = {
    "empty": (b"", "bytes 0..3: expected an IDX file, .* got an empty file"),
    "text": (b"hello world", "bytes 0..3: .* got 68 65 6c 6c"),
    "floats": (idx(np.zeros((2, 3, 4)), 13), "byte 2: expected 08, unsigned bytes, got 0d"),
    "labels": (idx(np.zeros(4)), r"byte 3, the rank: expected 3, pictures \(N, H, W\), got 1"),
    "cut header": (GOOD[:9], "the header: expected 16 bytes, got 9"),
    "cut": (GOOD[:-5], r"expected 24 bytes after the header, for shape \(2, 3, 4\), got 19"),
    "too long": (GOOD + b"x", "expected 24 bytes .* got more"),
    "no pictures": (idx(np.zeros((0, 3, 4))), "sizes of 1 or more"),
    "10^28 bytes": (bytes([0, 0, 8, 3]) + b"\xff" * 12, "bytes after the header.* got 0"),
    "cut gzip": (gzip.compress(GOOD)[:-9], "expected an intact gzip file"),
    "damaged gzip": (b"\x1f\x8b" + b"\1" * 30, "expected an intact gzip file"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_idx_file_is_refused_with_the_place(tmp_path, name):
    content, message = BAD[name]
    path = tmp_path / "t-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=message) as caught:
        mg.data.pictures(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("make", [np.asarray, lambda x: x / 255, lambda x: x[..., None]])
def test_arrays_of_pictures(tmp_path, x, make):
    np.savez(tmp_path / "p.npz", x=make(x), y=np.arange(6))
    got = mg.data.pictures(tmp_path / "p.npz")
    assert np.array_equal(got.x, x) and got.y.tolist() == list(range(6))
    np.save(tmp_path / "p.npy", make(x))
    assert np.array_equal(mg.data.pictures(tmp_path / "p.npy").x, x)


def test_black_and_white(tmp_path, x):
    np.save(tmp_path / "p.npy", x > 99)
    assert np.array_equal(mg.data.pictures(tmp_path / "p.npy", levels=2).x, x > 99)


def test_a_folder_of_png(tmp_path, x):
    for k, picture in enumerate(x):
        png(tmp_path / "all" / f"{k}.png", picture)
    got = mg.data.pictures(tmp_path / "all")
    assert np.array_equal(got.x, x) and got.y is None


def test_folders_are_classes(tmp_path, x):
    (tmp_path / "set").mkdir()
    for k, picture in enumerate(x):
        png(tmp_path / "set" / ["dog", "cat"][k % 2] / f"{k}.png", picture)
    got = mg.data.pictures(tmp_path / "set")
    assert got.names == ("cat", "dog") and got.y.tolist() == [0, 0, 0, 1, 1, 1]
    assert np.array_equal(got.x, np.concatenate([x[1::2], x[::2]]))
    png(tmp_path / "set" / "astray.png", x[0])
    with pytest.raises(InvalidInput, match=r"PNG files or folders of them, got both, astray\.png"):
        mg.data.pictures(tmp_path / "set")


def test_colours_become_their_brightness_and_transparent_is_black(tmp_path):
    pixels = np.zeros((1, 4, 4), np.uint8)
    pixels[0, :, :] = [[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255], [255, 255, 255, 0]]
    png(tmp_path / "c" / "a.png", pixels)
    assert mg.data.pictures(tmp_path / "c").x[0, 0].tolist() == [76, 150, 29, 0]


def test_a_folder_is_refused_by_the_file(tmp_path, x):
    png(tmp_path / "p" / "0.png", x[0])
    (tmp_path / "p" / "1.png").write_bytes((tmp_path / "p" / "0.png").read_bytes()[:60])
    with pytest.raises(InvalidInput, match=r"1.png: expected a readable PNG file"):
        mg.data.pictures(tmp_path / "p")
    png(tmp_path / "p" / "1.png", x[0, :4])
    with pytest.raises(InvalidInput, match=r"1.png: expected 8 x 10 pixels as 0.png .* got 4 x 10"):
        mg.data.pictures(tmp_path / "p")
    assert mg.data.pictures(tmp_path / "p", size=4).x.shape == (2, 4, 4)
    with pytest.raises(InvalidInput, match=r"size: .* got \(5, 5\): 4 x 10 in .*1.png"):
        mg.data.pictures(tmp_path / "p", size=5)
    (tmp_path / "none").mkdir()
    with pytest.raises(InvalidInput, match="none: expected PNG files, or folders"):
        mg.data.pictures(tmp_path / "none")


def test_an_average_is_that_of_the_area(rng):
    x = rng.integers(0, 256, (3, 6, 9)).astype(np.uint8)
    means = x.reshape(3, 2, 3, 3, 3).mean(axis=(2, 4))
    assert np.abs(averaged(x, 2, 3) - means).max() <= 0.5001
    fine = np.repeat(np.repeat(x[:, :, :6], 4, axis=1), 4, axis=2)  # 6 -> 4: cells cut in parts
    means = fine.reshape(3, 4, 6, 4, 6).mean(axis=(2, 4))
    assert np.abs(averaged(x[:, :, :6], 4, 4) - means).max() <= 0.5001
    assert np.allclose(overlaps(7, 5).sum(axis=1), 1)


def test_size_and_levels(tmp_path, x):
    np.save(tmp_path / "p.npy", x)
    crop = mg.data.pictures(tmp_path / "p.npy", size=(4, 6), levels=16, resize="crop")
    assert np.array_equal(crop.x, x[:, 2:6, 2:8] // 16) and crop.levels == 16
    assert mg.data.pictures(tmp_path / "p.npy", size=4, levels=3).x.max() <= 2


@pytest.mark.parametrize(
    "options, message",
    [
        ({"levels": 1}, r"levels: expected an integer in 2\.\.256, got 1"),
        ({"resize": "stretch"}, "resize: expected one of average, crop"),
        ({"size": 0}, "size"),
        ({"size": (4, 4, 4)}, r"a side, or \(height, width\)"),
        ({"size": 2.5}, "size"),
    ],
)
def test_options_are_refused_by_name(tmp_path, x, options, message):
    np.save(tmp_path / "p.npy", x)
    with pytest.raises(InvalidInput, match=message):
        mg.data.pictures(tmp_path / "p.npy", **options)


@pytest.mark.parametrize(
    "array, message",
    [
        (np.zeros((3, 4)), r"expected pictures \(N, H, W\) or \(N, H, W, 3\), got \(3, 4\)"),
        (np.full((3, 4, 4), 300), r"whole numbers in 0..255, got 300 at index \(0, 0, 0\)"),
        (np.full((3, 4, 4), 2.5), r"whole numbers in 0..255, got 2.5"),
    ],
)
def test_arrays_are_refused_for(tmp_path, array, message):
    np.save(tmp_path / "p.npy", array)
    with pytest.raises(InvalidInput, match=message):
        mg.data.pictures(tmp_path / "p.npy")
