"""Training: optimisers, batches, the loop, checkpoints."""

from minigen.training.checkpoint import CheckpointError, load, save
from minigen.training.loop import Run, fit
from minigen.training.nonfinite import NotFinite
from minigen.training.optimizers import SGD, Adam

__all__ = ["SGD", "Adam", "CheckpointError", "NotFinite", "Run", "fit", "load", "save"]


def __dir__() -> list[str]:
    return sorted(__all__)
