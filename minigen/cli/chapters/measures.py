"""Likelihoods of a table's rows: those seen apart from those held out, beside two baselines."""

import numpy as np
from numpy.typing import NDArray

from minigen.cli.datasets import Dataset
from minigen.cli.options import note
from minigen.cli.results import Row, mean

FAR = 10  # standard deviations of the training rows


def table_rows(name: str, dataset: Dataset, nll: NDArray, what: str = "NLL, nats") -> list[Row]:
    """A figure for each part of the rows, -log p of each row given, and what is worse said."""
    record, x = dataset.record, dataset.source
    if record is None:
        paper = {of: -value for of, value in (dataset.paper or {}).items()}
        return [mean(name, dataset.name, what, nll, paper)]
    rows, beside = [], record.baselines(x)
    for part, mask in record.parts(x).items():
        figures = {base: float(values[mask].mean()) for base, values in beside.items()}
        said = f"{what}: {part}, {mask.sum()} rows"
        rows.append(mean(name, dataset.name, said, nll[mask], figures))
    _say_which(dataset, nll, beside)
    return rows


def _say_which(dataset: Dataset, nll: NDArray, beside: dict[str, NDArray]) -> None:
    """What the figures are, and whether the model is worse than a baseline."""
    record, x = dataset.record, dataset.source
    assert record is not None
    parts = record.parts(x)
    moved = np.abs(x.mean(axis=0) - record.mean) > FAR * np.sqrt(np.diag(record.covariance))
    if moved.any():
        k = int(np.argmax(moved))
        note(
            f"{dataset.name}: {record.names[k]} is far from the rows that the model was trained on"
        )
    if "validation" in parts:
        note("validation rows chose when to stop: their figure is a little too good")
    if "held out" not in parts:
        note("no row here was held out")
        return
    new = parts["held out"]
    for base, values in beside.items():
        worse = (nll - values)[new]
        error = worse.std() / np.sqrt(len(worse))
        if worse.mean() > 0:
            sure = "" if worse.mean() > 2 * error else " (within two errors of nothing)"
            note(
                f"held out, the model is worse than {base} by {worse.mean():.2f} +- "
                f"{error:.2f} nats{sure}"
            )
