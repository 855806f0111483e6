"""Chapter: diffusion models, from the forward process to every term of the ELBO."""

from minigen.diffusion.elbo import Elbo, elbo
from minigen.diffusion.factory import ddpm
from minigen.diffusion.forward import (
    Marginal,
    MarginalDensity,
    Step,
    StepDensity,
    diffuse,
    trajectory,
)
from minigen.diffusion.gaussian import gaussian_bound
from minigen.diffusion.guidance import Guided, Skipping
from minigen.diffusion.losses import BoundLoss, HybridLoss, SimpleLoss, StepTerm
from minigen.diffusion.model import DDPM
from minigen.diffusion.network import TimeNet
from minigen.diffusion.oracle import IdealNoise
from minigen.diffusion.posterior import PosteriorDensity, PosteriorMean, PosteriorMeanFromNoise
from minigen.diffusion.predict import Convert, Target
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
from minigen.diffusion.weights import exact_weights

__all__ = [
    "DDPM",
    "Antithetic",
    "BoundLoss",
    "Convert",
    "Cumulate",
    "Elbo",
    "GaussianTerm",
    "Guided",
    "HybridLoss",
    "IdealNoise",
    "Importance",
    "IntegerTerm",
    "Marginal",
    "MarginalDensity",
    "PosteriorDensity",
    "PosteriorMean",
    "PosteriorMeanFromNoise",
    "PriorTerm",
    "Schedule",
    "SimpleLoss",
    "Skipping",
    "Step",
    "StepDensity",
    "StepTerm",
    "Target",
    "TimeNet",
    "Uniform",
    "cosine_schedule",
    "ddpm",
    "diffuse",
    "elbo",
    "exact_weights",
    "gaussian_bound",
    "linear_schedule",
    "respaced",
    "schedule_from_betas",
    "sigmoid_schedule",
    "trajectory",
]
