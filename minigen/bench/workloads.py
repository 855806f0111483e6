"""What is measured: steps of training and samplers, in float32."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen import diffusion, flows
from minigen.bench.timing import Run
from minigen.core import parallel
from minigen.core.contract import Loss
from minigen.prob import Gaussian
from minigen.training.loop import Descent
from minigen.training.optimizers import Adam


@dataclass(frozen=True)
class Workload:
    """A model, its sizes, and the task that is timed.

    Parameters
    ----------
    name : str
        Its heading in the tables.
    model : {"real_nvp", "maf", "neural_spline", "iaf", "ddpm"}
        An IAF is trained by reverse KL, the others by likelihood or the simple loss.
    task : {"step", "sample", "elbo"}
        One step of training, one batch of samples, or the bound of a batch at all times.
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
    Workload("DDPM ELBO of 256 x 100", "ddpm", "elbo", 64, 3, (256,), 256, 100),
    Workload("Spline step D=8 (64,64)", "neural_spline", "step", 8, 3, (64, 64), 256),
    Workload("IAF reverse KL step D=64", "iaf", "step", 64, 5, (128, 128), 256),
)
BINS = 16  # of the spline flow


def model(work: Workload, rng: np.random.Generator) -> Any:
    """A fresh model of the workload."""
    if work.model == "ddpm":
        schedule = diffusion.cosine_schedule(work.steps)
        return diffusion.ddpm(
            work.features, schedule, hidden=work.hidden[0], blocks=work.layers, predict="eps",
            rng=rng,
        )  # fmt: skip
    own = {"bins": BINS} if work.model == "neural_spline" else {}
    return getattr(flows, work.model)(work.features, work.layers, work.hidden, rng=rng, **own)


def loss(work: Workload, rng: np.random.Generator) -> Loss:
    """What a step of the workload minimises, of a fresh model."""
    m = model(work, rng)
    if work.model == "iaf":
        return m.reverse_kl(Gaussian.init(work.features, dtype=np.float32))
    return m.loss if work.model == "ddpm" else m.nll


def minigen_run(work: Workload, threads: int | None = None) -> Run:
    """A function that does the workload once, by the code that `fit` and `sample` run.

    `threads` of each product; by default as many as `fit` and `sample` choose.
    """
    rng = np.random.default_rng(0)
    size = 0
    if work.task == "step":
        descent, batch, rng = minigen_descent(work)
        size = descent.largest * work.rows

        def once() -> Any:
            return descent.step(batch, rng)
    else:
        m = model(work, rng)
        x = rng.standard_normal((work.rows, work.features), dtype=np.float32)

        def once() -> Any:
            return m.sample(work.rows, rng=rng) if work.task == "sample" else m.elbo(x, rng=rng)

    def run() -> Any:
        with parallel.by_size(size, threads):
            return once()

    return run


def minigen_descent(work: Workload) -> tuple[Descent, NDArray, np.random.Generator]:
    """The steps that `fit` takes, a batch, and the generator of the noise."""
    rng = np.random.default_rng(0)
    descent = Descent(loss(work, rng), Adam(1e-4))
    return descent, rng.standard_normal((work.rows, work.features), dtype=np.float32), rng
