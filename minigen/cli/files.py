"""Files that appear whole or not at all."""

import contextlib
import os

import numpy as np


@contextlib.contextmanager
def replacing(path):
    """A binary file that takes the place of `path` when the block ends well."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            yield file
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, text):
    with replacing(path) as file:
        file.write(text.encode())


def write_picture(path, figure, dpi=130):
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=dpi)


def write_rows(path, x):
    """Rows of numbers as .npy or .csv, by the suffix."""
    with replacing(path) as file:
        if path.suffix.lower() == ".npy":
            np.save(file, x, allow_pickle=False)
        else:
            np.savetxt(file, x, delimiter=",", fmt="%d" if x.dtype.kind in "iu" else "%.9g")
