"""Chapter: diffusion models, from the forward process to every term of the ELBO."""

from minigen.diffusion.bound import Elbo
from minigen.diffusion.clock import Clock, ClockLoss, IntegralBound
from minigen.diffusion.covariance import nats_lost, noise_covariance
from minigen.diffusion.covariance_matching import (
    CovarianceMatchingLoss,
    NoiseAndShare,
    with_covariance,
)
from minigen.diffusion.factory import ddpm
from minigen.diffusion.flow_matching import FlowMatchingLoss
from minigen.diffusion.forward import (
    Marginal,
    MarginalDensity,
    Step,
    StepDensity,
    trajectory,
)
from minigen.diffusion.gaussian_data import gaussian_bound
from minigen.diffusion.guidance import GuidedNet, RespacedNet
from minigen.diffusion.ideal import IdealNoise
from minigen.diffusion.losses import BoundLoss, HybridLoss, SimpleLoss, StepTerm, exact_weights
from minigen.diffusion.model import DDPM
from minigen.diffusion.network import TimeNet
from minigen.diffusion.posterior import PosteriorDensity, PosteriorMean
from minigen.diffusion.predict import Convert, Target, q_sample
from minigen.diffusion.reverse import ReverseProcess
from minigen.diffusion.schedule import (
    Cumulate,
    Schedule,
    cosine_schedule,
    linear_schedule,
    respaced,
    schedule_from_betas,
    sigmoid_schedule,
)
from minigen.diffusion.terms import GaussianTerm, IntegerTerm, PriorTerm
from minigen.diffusion.timesteps import Antithetic, Importance, Uniform
from minigen.diffusion.unet import UNet

__all__ = [
    "DDPM",
    "Antithetic",
    "BoundLoss",
    "Clock",
    "ClockLoss",
    "Convert",
    "CovarianceMatchingLoss",
    "Cumulate",
    "Elbo",
    "FlowMatchingLoss",
    "GaussianTerm",
    "GuidedNet",
    "HybridLoss",
    "IdealNoise",
    "Importance",
    "IntegerTerm",
    "IntegralBound",
    "Marginal",
    "MarginalDensity",
    "NoiseAndShare",
    "PosteriorDensity",
    "PosteriorMean",
    "PriorTerm",
    "RespacedNet",
    "ReverseProcess",
    "Schedule",
    "SimpleLoss",
    "Step",
    "StepDensity",
    "StepTerm",
    "Target",
    "TimeNet",
    "UNet",
    "Uniform",
    "cosine_schedule",
    "ddpm",
    "exact_weights",
    "gaussian_bound",
    "linear_schedule",
    "nats_lost",
    "noise_covariance",
    "q_sample",
    "respaced",
    "schedule_from_betas",
    "sigmoid_schedule",
    "trajectory",
    "with_covariance",
]


def __dir__() -> list[str]:
    return sorted(__all__)
