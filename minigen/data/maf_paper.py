"""The five tables of the MAF paper, from a user's own files, prepared as published.

The preparation is that of the authors' code (github.com/gpapamak/maf, datasets/): which columns
are dropped, which noise is added, which rows validate and test, and what standardises them. Test
log-likelihoods are then comparable with Table 1 of Papamakarios, Pavlakou & Murray (2017).
"""

import os
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate
from minigen.core.signature import checked
from minigen.data.readers import read

ROWS = "Gaussian", "MADE", "MADE MoG", "Real NVP (5)", "Real NVP (10)", "MAF (5)", "MAF (10)"
ROWS += ("MAF MoG (5)",)
PAPER_TABLES = {  # test log-likelihood, nats, in the order of ROWS
    "power": (-7.74, -3.08, 0.40, -0.02, 0.17, 0.14, 0.24, 0.30),
    "gas": (-3.58, 3.56, 8.47, 4.78, 8.33, 9.07, 10.08, 9.59),
    "hepmass": (-27.93, -20.98, -15.15, -19.62, -18.71, -17.70, -17.73, -17.39),
    "miniboone": (-37.24, -15.59, -12.27, -13.55, -13.84, -11.75, -12.24, -11.68),
    "bsds300": (96.67, 148.85, 153.71, 152.97, 153.28, 155.69, 154.93, 156.36),
}
Parts = tuple[NDArray, NDArray, NDArray]
REPEATS = 5  # of its smallest value: a column with more is not continuous


@dataclass(frozen=True, eq=False)
class PaperTable:
    """A prepared table of the paper: train, validation and test rows (N, D), and the paper's row.

    paper: {model: test log-likelihood in nats}, of Table 1.
    """

    name: str
    train: NDArray
    validation: NDArray
    test: NDArray
    paper: dict[str, float]

    @property
    def features(self) -> int:
        """D."""
        return self.train.shape[1]


@checked
def paper_table(name: str, path: str | os.PathLike[str]) -> PaperTable:
    """One of the five tables of the MAF paper, from the file it is published as.

    Parameters
    ----------
    name : "power", "gas", "hepmass", "miniboone" or "bsds300"
    path : where the data are

        =========  ===========================================================================
        power      .npy, .npz or .csv of 8 columns: active and reactive power, voltage,
                   intensity, three meters, time
        gas        .npy, .npz or .csv of the ethylene_CO table in the authors' order: 19 columns,
                   of which the first three, time and two concentrations, are dropped; or 16
        hepmass    a folder with 1000_train.csv and 1000_test.csv
        miniboone  MiniBooNE_PID.txt; or a .npy of 43 columns, cleaned by the authors
        bsds300    .npz with the arrays train, validation and test
        =========  ===========================================================================

    Returns
    -------
    PaperTable

    Raises
    ------
    InvalidInput
        for a file of another shape

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "data.npy"
    ...     np.save(path, rng.standard_normal((100, 43)))
    ...     table = mg.data.paper_table("miniboone", path)
    >>> [len(part) for part in (table.train, table.validation, table.test)]
    [81, 9, 10]
    >>> table.paper["MAF (5)"]
    -11.75
    """
    reader = READERS[validate.choice("name", name, READERS)]
    train, validation, test = reader(pathlib.Path(path))
    return PaperTable(
        name, train, validation, test, dict(zip(ROWS, PAPER_TABLES[name], strict=True))
    )


def power(path: pathlib.Path) -> Parts:
    """Shuffled; two columns dropped; noise as wide as the meters' rounding."""
    rng = np.random.RandomState(42)
    data = of_width(path, read(path), 8)
    rng.shuffle(data)
    n, data = len(data), np.delete(data, [1, 3], axis=1)
    voltage, active, meters = 0.01 * rng.rand(n, 1), 0.001 * rng.rand(n, 1), rng.rand(n, 3)
    return standardized(*tenths(data + np.hstack([active, voltage, meters, np.zeros((n, 1))])))


def gas(path: pathlib.Path) -> Parts:
    """Columns that correlate above 0.98 with a later one are dropped; all rows standardise."""
    data = of_width(path, read(path), 16, 19)[:, -16:]
    while True:
        twice = np.flatnonzero((np.corrcoef(data, rowvar=False) > 0.98).sum(axis=1) > 1)
        if not len(twice):
            break
        data = np.delete(data, twice[0], axis=1)
    return tenths((data - data.mean(axis=0)) / data.std(axis=0, ddof=1))


def hepmass(path: pathlib.Path) -> Parts:
    """The signal class; standardised by its training file; columns with repeats dropped."""
    train, test = (signal(path / f"1000_{name}.csv") for name in ("train", "test"))
    test = test[:, : train.shape[1]]  # the test file has a column too many
    mean, std = train.mean(axis=0), train.std(axis=0, ddof=1)
    keep = continuous((train - mean) / std)
    train, test = ((x - mean)[:, keep] / std[keep] for x in (train, test))
    cut = len(train) - int(0.1 * len(train))
    return train[:cut], train[cut:], test


def signal(path: pathlib.Path) -> NDArray:
    """The rows of class 1, without the class; a header may have fewer names than columns."""
    x = np.genfromtxt(path, delimiter=",", skip_header=1, encoding="utf-8")
    validate.refuse(str(path), x, ~np.isfinite(x), "finite numbers")
    return x[x[:, 0] == 1][:, 1:]


def miniboone(path: pathlib.Path) -> Parts:
    """Of the raw text the outliers and the columns with repeats are dropped."""
    if path.suffix != ".txt":
        return standardized(*tenths(of_width(path, read(path), 43)))
    raw = np.genfromtxt(path, skip_header=1, encoding="utf-8")  # the first line counts the classes
    signal = int(path.read_text(encoding="utf-8").split(None, 1)[0])
    data = of_width(path, raw, 50)[:signal]
    data = data[data[:, 0] >= -100]
    return standardized(*tenths(data[:, continuous(data)]))


def bsds300(path: pathlib.Path) -> Parts:
    """As it stands: the authors' file is prepared."""
    with np.load(path, allow_pickle=False) as file:
        missing = {"train", "validation", "test"} - {*file.files}
        if missing:
            what = "the arrays train, validation and test"
            raise validate.expected(str(path), what, ", ".join(file.files))
        train, validation, test = (
            validate.array(f"{path}: {part}", file[part], ("N", "D"), np.float64)
            for part in ("train", "validation", "test")
        )
    return train, validation, test


def of_width(path: pathlib.Path, x: NDArray, *widths: int) -> NDArray:
    """x, refused unless it has one of some numbers of columns."""
    if x.ndim != 2 or x.shape[1] not in widths:
        what = f"{' or '.join(map(str, widths))} columns"
        raise validate.expected(str(path), what, f"shape {x.shape}")
    return x


def continuous(x: NDArray) -> NDArray:
    """The columns (numbers) whose smallest value occurs at most REPEATS times."""
    return np.flatnonzero((x == x.min(axis=0)).sum(axis=0) <= REPEATS)


def tenths(x: NDArray) -> Parts:
    """The last tenth is the test part, the last tenth of the others validates."""
    test = len(x) - int(0.1 * len(x))
    cut = test - int(0.1 * test)
    return x[:cut], x[cut:test], x[test:]


def standardized(train: NDArray, validation: NDArray, test: NDArray) -> Parts:
    """By the means and standard deviations of the first two parts."""
    seen = np.vstack([train, validation])
    mean, std = seen.mean(axis=0), seen.std(axis=0)
    return (train - mean) / std, (validation - mean) / std, (test - mean) / std


READERS: dict[str, Callable[[pathlib.Path], Any]] = {
    "power": power, "gas": gas, "hepmass": hepmass, "miniboone": miniboone, "bsds300": bsds300,
}  # fmt: skip
