"""What is measured: steps of training and samplers, in float32."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen import diffusion, flows
from minigen.bench.timing import Run
from minigen.training.loop import Descent
from minigen.training.optimizers import Adam


@dataclass(frozen=True)
class Workload:
    """A model, its sizes, and the task that is timed.

    Parameters
    ----------
    name : str
        Its heading in the tables.
    model : {"real_nvp", "maf", "ddpm"}
    task : {"step", "sample"}
        One step of training, or one batch of samples.
    features : int
        D, the columns of the data.
    layers : int
        Couplings, MADEs or residual blocks.
    hidden : tuple of int
        Widths of the hidden layers of each network.
    rows : int
        Rows of the batch.
    steps : int
        T, the time steps of a diffusion model.

    Examples
    --------
    >>> work = mg.bench.Workload("a small flow", "real_nvp", "step", 4, 2, (8, 8), 16)
    >>> work.steps
    1000
    """

    name: str
    model: str
    task: str
    features: int
    layers: int
    hidden: tuple[int, ...]
    rows: int
    steps: int = 1000  # T of a diffusion model


WORKLOADS = (
    Workload("RealNVP step D=2 (64,64)", "real_nvp", "step", 2, 8, (64, 64), 256),
    Workload("RealNVP step D=64 (128,128)", "real_nvp", "step", 64, 8, (128, 128), 256),
    Workload("RealNVP step D=64 (512,512)", "real_nvp", "step", 64, 8, (512, 512), 256),
    Workload("MAF step D=63 (512,512)", "maf", "step", 63, 5, (512, 512), 100),
    Workload("MAF step D=64 (128,128)", "maf", "step", 64, 5, (128, 128), 256),
    Workload("MAF sampling 1000, D=63", "maf", "sample", 63, 5, (512, 512), 1000),
    Workload("DDPM step D=64 hidden 256", "ddpm", "step", 64, 3, (256,), 256),
    Workload("DDPM sampling 256 x 1000", "ddpm", "sample", 64, 3, (256,), 256),
    Workload("DDPM step D=2 hidden 128", "ddpm", "step", 2, 3, (128,), 256),
)


def model(work: Workload, rng: np.random.Generator) -> Any:
    """A fresh model of the workload."""
    if work.model == "ddpm":
        schedule = diffusion.cosine_schedule(work.steps)
        return diffusion.ddpm(
            work.features, schedule, hidden=work.hidden[0], blocks=work.layers, predict="eps",
            rng=rng,
        )  # fmt: skip
    make = {"real_nvp": flows.real_nvp, "maf": flows.maf}[work.model]
    return make(work.features, work.layers, work.hidden, rng=rng)


def minigen_run(work: Workload) -> Run:
    """A function that does the workload once, by the code that `fit` and `sample` run."""
    if work.task == "sample":
        rng = np.random.default_rng(0)
        m = model(work, rng)
        return lambda: m.sample(work.rows, rng=rng)
    descent, batch, rng = minigen_descent(work)
    return lambda: descent.step(batch, rng)


def minigen_descent(work: Workload) -> tuple[Descent, NDArray, np.random.Generator]:
    """The steps that `fit` takes, a batch, and the generator of the noise."""
    rng = np.random.default_rng(0)
    m = model(work, rng)
    descent = Descent(m.loss if work.model == "ddpm" else m.nll, Adam(1e-4))
    return descent, rng.standard_normal((work.rows, work.features), dtype=np.float32), rng
