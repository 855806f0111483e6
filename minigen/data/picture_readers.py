"""Grey pictures from a user's own files: MNIST's IDX format, .npz and .npy, folders of PNG."""

import os
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import validate
from minigen.core.signature import checked
from minigen.data.idx_file import is_idx, read_idx
from minigen.data.numpy_file import read_npy, read_npz
from minigen.data.resize import as_size, averaged, middle

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # how bright red, green and blue look


@dataclass(frozen=True, eq=False)
class Pictures:
    """Grey pictures x (N, H, W), uint8 in 0..levels-1; labels y (N,), or None; their names."""

    x: NDArray
    y: NDArray | None
    levels: int
    names: tuple[str, ...] = ()

    @property
    def flat(self) -> NDArray:
        """The pictures as rows (N, H * W), row by row."""
        return self.x.reshape(len(self.x), -1)

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        labels = "no labels" if self.y is None else f"{len(np.unique(self.y))} classes"
        return f"Pictures({self.x.shape}, {self.levels} levels, {labels})"


@checked
def pictures(
    path: str | os.PathLike[str], size: int | Sequence[int] | None = None, levels: int = 256, *,
    resize: str = "average", labels: str | os.PathLike[str] | ArrayLike | None = None,
) -> Pictures:  # fmt: skip
    """Grey pictures from a file or a folder.

    Parameters
    ----------
    path : of one of

        an IDX file, as MNIST's train-images-idx3-ubyte or the same with .gz: the labels are in
        the file of the same name with labels-idx1 for images-idx3, if there is one;

        .npz or .npy: an array (N, H, W) or (N, H, W, 3) named x or the only one beside y, of
        bytes, or of numbers in 0..1; y are the labels;

        a folder of .png files, in the order of their names; where they are in folders of their
        own, each is a class, numbered in the order of the names.
    size : side, or (height, width), that larger pictures are brought to
    levels : of grey, 2..256: 256 levels are put together, value * levels // 256
    resize : "average" the area below each new pixel, in the largest middle part of the same
        proportions; or "crop" the middle
    labels : the labels, or the path of an IDX file of them, where they stand elsewhere

    Returns
    -------
    Pictures
        `.x` (N, H, W) uint8, `.y` (N,) or None, `.levels`; `.flat` (N, H * W)

    Raises
    ------
    InvalidInput
        With the file, and the place in it, of what cannot be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "own.npz"
    >>> np.savez(path, x=rng.integers(0, 256, (5, 28, 28)), y=[0, 1, 2, 0, 1])
    >>> mg.data.pictures(path, size=14, levels=16)
    Pictures((5, 14, 14), 16 levels, 3 classes)
    """
    path = pathlib.Path(path)
    levels = validate.integer("levels", levels, 2, 256)
    validate.choice("resize", resize, ("average", "crop"))
    goal = None if size is None else as_size(size)
    names: tuple[str, ...] = ()
    if path.is_dir():
        x, y, names = _folder(path, goal, resize)
    elif is_idx(path):
        x, y = _sized(str(path), read_idx(path, 3), goal, resize), _idx_labels(path)
    else:
        x, y = _arrays(path)
        x = _sized(str(path), x, goal, resize)
    if labels is not None:
        file = isinstance(labels, str | os.PathLike)
        y = read_idx(pathlib.Path(labels), 1) if file else labels
    if y is not None:
        name = "labels" if labels is not None else f"labels beside {path}"
        y = validate.array(name, y)
        if y.shape != (len(x),):
            got = validate.shaped(y.shape)
            raise validate.expected(name, f"one for each of {len(x)} pictures", got)
    if levels < 256:
        x = (x.astype(np.uint16) * levels // 256).astype(np.uint8)
    return Pictures(x, y, levels, names)


def _idx_labels(path: pathlib.Path) -> NDArray | None:
    """The labels beside an IDX file of pictures: MNIST's names for the two."""
    name = path.name.replace("images", "labels").replace("idx3", "idx1")
    beside = path.with_name(name)
    return read_idx(beside, 1) if name != path.name and beside.is_file() else None


def _arrays(path: pathlib.Path) -> tuple[NDArray, NDArray | None]:
    """The pictures in a NumPy file, grey bytes, and the labels beside them."""
    what = f"{path}: suffix"
    if validate.choice(what, path.suffix.lower(), (".npz", ".npy", ".gz", ".idx")) == ".npy":
        arrays = {"x": read_npy(path)}
    else:
        arrays = read_npz(path)
    stored = arrays["x"]
    x = validate.array(str(path), stored)
    x = x * np.uint8(255) if stored.dtype.kind == "b" else x
    if x.ndim == 4 and x.shape[3] in (1, 3, 4):
        return np.concatenate([_grey(str(path), image)[None] for image in x]), arrays.get("y")
    if x.ndim != 3:
        got = validate.shaped(x.shape)
        raise validate.expected(str(path), "pictures (N, H, W) or (N, H, W, 3)", got)
    return _as_bytes(str(path), x), arrays.get("y")


def _as_bytes(name: str, x: NDArray) -> NDArray:
    """Grey values as bytes: whole numbers in 0..255, or fractions in 0..1."""
    if x.dtype.kind == "f" and x.min() >= 0 and x.max() <= 1:
        return np.rint(x * 255).astype(np.uint8)
    return validate.integers(name, x, 0, 255).astype(np.uint8)


def _grey(name: str, image: NDArray) -> NDArray:
    """(H, W) bytes of a picture (H, W) or (H, W, 1, 3 or 4); what is transparent is black."""
    if image.ndim == 3 and image.shape[2] > 1:
        top = np.float32(1 if image.dtype.kind == "f" and image.max() <= 1 else 255)
        image = image.astype(np.float32) / top
        alpha = image[:, :, 3] if image.shape[2] == 4 else np.float32(1)
        image = np.clip(image[:, :, :3] @ LUMA * alpha, 0, 1)
    return _as_bytes(name, image.reshape(image.shape[:2]))


def _folder(
    path: pathlib.Path, goal: tuple[int, int] | None, resize: str
) -> tuple[NDArray, NDArray | None, tuple[str, ...]]:
    """The pictures of a folder, (N, H, W); classes if they are in folders of their own."""
    groups = sorted(p for p in path.iterdir() if p.is_dir() and any(_pngs(p)))
    alone = _pngs(path)
    if groups and alone:
        got = f"both, {alone[0].name} and {groups[0].name}{os.sep}"
        raise validate.expected(str(path), "PNG files or folders of them", got)
    files = alone or [file for group in groups for file in _pngs(group)]
    if not files:
        raise validate.expected(str(path), "PNG files, or folders of them", "none")
    parts = [_sized(str(file), _png(file)[None], goal, resize) for file in files]
    for file, part in zip(files, parts, strict=True):
        if part.shape != parts[0].shape:
            what = f"{_by(parts[0])} pixels as {files[0].name} has (or give a size)"
            raise validate.expected(str(file), what, _by(part))
    number = {group: k for k, group in enumerate(groups)}
    y = np.array([number[file.parent] for file in files]) if groups else None
    return np.concatenate(parts), y, tuple(group.name for group in groups)


def _pngs(folder: pathlib.Path) -> list[pathlib.Path]:
    """Its PNG files, sorted; hidden ones are none."""
    found = (p for p in folder.iterdir() if p.suffix.lower() == ".png" and p.name[0] != ".")
    return sorted(found)


def _png(path: pathlib.Path) -> NDArray:
    """A PNG file as grey bytes (H, W)."""
    from matplotlib import image

    try:
        with open(path, "rb") as file:
            pixels = np.asarray(image.imread(file, format="png"))
    except OSError as error:
        if error.filename:
            raise
        raise validate.expected(str(path), "a readable PNG file", error) from None
    except Exception as error:  # a damaged file raises of many kinds
        got = f"a damaged one ({type(error).__name__}: {error})"
        raise validate.expected(str(path), "a readable PNG file", got) from None
    return _grey(str(path), pixels)


def _sized(name: str, x: NDArray, goal: tuple[int, int] | None, resize: str) -> NDArray:
    """Pictures (N, H, W) brought to a size."""
    if goal is None or x.shape[1:] == goal:
        return x
    if x.shape[1] < goal[0] or x.shape[2] < goal[1]:
        got = f"{_by(x)} in {name}"
        raise validate.expected("size", "at most the size of each picture", f"{goal}: {got}")
    return middle(x, *goal) if resize == "crop" else averaged(x, *goal)


def _by(x: NDArray) -> str:
    return f"{x.shape[1]} x {x.shape[2]}"
