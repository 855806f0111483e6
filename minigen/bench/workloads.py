"""What is measured: trainings and samplers, in float32."""

from dataclasses import dataclass

import numpy as np

from minigen import diffusion, flows
from minigen.training.loop import Descent
from minigen.training.optimizers import Adam


@dataclass(frozen=True)
class Workload:
    """A model, its sizes, and whether a step of training or a batch of samples is timed.

    features D, layers (couplings, MADEs or residual blocks), hidden widths, rows of the batch.
    """

    name: str
    model: str
    task: str
    features: int
    layers: int
    hidden: tuple
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


def model(work, rng):
    """A fresh model of the workload."""
    if work.model == "ddpm":
        schedule = diffusion.cosine_schedule(work.steps)
        return diffusion.ddpm(
            work.features, schedule, hidden=work.hidden[0], blocks=work.layers, predict="eps",
            rng=rng,
        )  # fmt: skip
    make = {"real_nvp": flows.real_nvp, "maf": flows.maf}[work.model]
    return make(work.features, work.layers, work.hidden, rng=rng)


def minigen_run(work):
    """A function that does the workload once, by the code that `fit` and `sample` run."""
    if work.task == "sample":
        rng = np.random.default_rng(0)
        m = model(work, rng)
        return lambda: m.sample(work.rows, rng=rng)
    trainer, batch, rng = minigen_trainer(work)
    return lambda: trainer.step(batch, rng)


def minigen_trainer(work):
    """The trainer of `fit`, a batch, and the generator of the draws."""
    rng = np.random.default_rng(0)
    m = model(work, rng)
    trainer = Descent(m.loss if work.model == "ddpm" else m.nll, Adam(1e-4))
    return trainer, rng.standard_normal((work.rows, work.features), dtype=np.float32), rng
