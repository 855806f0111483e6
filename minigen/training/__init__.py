"""Training: optimisers, batches, the loop, checkpoints."""

from minigen.training.checkpoint import load, save
from minigen.training.fit import Run, fit
from minigen.training.optimizers import SGD, Adam

__all__ = ["SGD", "Adam", "Run", "fit", "load", "save"]
