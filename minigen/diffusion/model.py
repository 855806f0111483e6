"""The diffusion model that users hold: training losses, samples, the bound, likelihoods."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigen.core import tree, validate
from minigen.core.blocks import drawn, in_blocks
from minigen.core.contract import Bijection, Layer
from minigen.core.signature import Count, Positive, Share, Size, checked
from minigen.core.units import Units
from minigen.diffusion import bound, latents, ode, samplers
from minigen.diffusion.bound import Elbo
from minigen.diffusion.covariance_matching import CovarianceMatchingLoss
from minigen.diffusion.data_format import DataFormat
from minigen.diffusion.flow_matching import FlowMatchingLoss
from minigen.diffusion.losses import BoundLoss, DiffusionLoss, HybridLoss, SimpleLoss
from minigen.diffusion.reverse import ReverseProcess
from minigen.diffusion.schedule import Schedule, evenly_spaced
from minigen.diffusion.timesteps import Antithetic
from minigen.prob.gaussian import standard_normal


@dataclass(frozen=True, eq=False, repr=False)
class DDPM(Layer):
    """Denoising diffusion probabilistic model (Ho, Jain & Abbeel 2020); `ddpm` makes a fresh one.

    Parameters
    ----------
    reverse : ReverseProcess
    classes : the number of classes; 0 for none. Labels are 0..classes, the last for no class
    dropped : the share of labels left out in training, for classifier-free guidance
    units : of the data, where they are not those of the model
    before : fixed maps of the data, which come before the units

    Examples
    --------
    >>> schedule = mg.diffusion.linear_schedule(50)
    >>> net = mg.diffusion.IdealNoise.init(schedule, [[0.0, 1.0]], 0.25)
    >>> reverse = mg.diffusion.ReverseProcess(net, schedule, 2, "eps", "beta", 0.01)
    >>> mg.diffusion.DDPM(reverse).sample(3, rng=rng).shape
    (3, 2)
    """

    reverse: ReverseProcess
    classes: Size = 0
    dropped: Share = 0.1
    units: Units | None = None
    before: tuple[Bijection, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        trained = sum(f.size for f in self.before)
        if trained:
            raise validate.expected("before", "maps without parameters", f"{trained} of them")

    @property
    def schedule(self) -> Schedule:
        """The schedule of the forward process."""
        return self.reverse.schedule

    @property
    def features(self) -> int:
        """D, the number of columns of the data."""
        return self.reverse.features

    @property
    def levels(self) -> int:
        """The number of values of integer data; 0 for continuous data."""
        return self.reverse.levels

    @cached_property
    def data(self) -> DataFormat:
        """What the data are, and how they are scaled."""
        return DataFormat(
            self.features, self.levels, self.classes, self.dtype, self.units, self.before
        )

    @property
    def loss(self) -> DiffusionLoss:
        """The usual loss: simple for a fixed variance, hybrid for "learned", bound for "free",
        the regression of the covariance for "share"."""
        kind = {"learned": HybridLoss, "free": BoundLoss, "share": CovarianceMatchingLoss}
        return kind.get(self.reverse.variance, SimpleLoss)(self, Antithetic(self.schedule.T))

    @property
    def simple(self) -> SimpleLoss:
        """The simple loss."""
        return SimpleLoss(self, Antithetic(self.schedule.T))

    @property
    def bound(self) -> BoundLoss:
        """The negative ELBO itself as the loss."""
        return BoundLoss(self, Antithetic(self.schedule.T))

    @property
    def hybrid(self) -> HybridLoss:
        """The simple loss with a little of the bound, which trains the variance."""
        return HybridLoss(self, Antithetic(self.schedule.T))

    @property
    def flow_matching(self) -> FlowMatchingLoss:
        """The loss of flow matching on the straight path."""
        return FlowMatchingLoss(self)

    @checked
    def sample(
        self, n: Size, *, rng: np.random.Generator, sampler: str = "ancestral",
        steps: int | None = None, eta: Share = 0.0, label: ArrayLike | None = None,
        guidance: float = 1.0,
    ) -> NDArray:  # fmt: skip
        """Samples, in the units of the data.

        Parameters
        ----------
        n : the number of samples
        rng : numpy.random.Generator
        sampler : "ancestral" (Ho, Jain & Abbeel 2020), "ddim" (Song, Meng & Ermon 2021), "ode",
            the probability-flow ODE solved to a tolerance (Song et al. 2021), or the same ODE with
            few steps: "euler", "heun", "dpm++2m", "dpm++3m" (`solvers.py`)
        steps : the number of time steps to use, evenly spaced; by default all T; none for "ode"
        eta : of "ddim": 0 without noise, 1 as much as the ancestral sampler
        label : a class, or one for each sample; by default none
        guidance : w of classifier-free guidance (Ho & Salimans 2022); 1 for the model itself

        Returns
        -------
        (n, D)

        Raises
        ------
        InvalidInput
            For an option that the model does not allow.

        Examples
        --------
        >>> model = mg.diffusion.ddpm(2, mg.diffusion.linear_schedule(20), hidden=8, rng=rng)
        >>> model.sample(3, rng=rng, sampler="ddim", steps=5).shape
        (3, 2)
        """
        reverse, x, options = self._begun(n, rng, sampler, steps, eta, label, guidance)
        if samplers.has_chance(sampler, eta):
            way = samplers.states(reverse, x, rng=rng, **options)
            del x  # `way` keeps it as long as it needs it
            return self.data.unscale(samplers.last(way))

        def run(x: NDArray, label: NDArray | None) -> tuple[NDArray]:  # a block all the way
            way = samplers.states(reverse, x, rng=rng, **{**options, "label": label})
            return (self.data.unscale(samplers.last(way)),)

        return in_blocks(run, (x, options["label"]))[0]

    @checked
    def states(
        self, n: Size, *, rng: np.random.Generator, sampler: str = "ancestral",
        steps: int | None = None, eta: Share = 0.0, label: ArrayLike | None = None,
        guidance: float = 1.0,
    ) -> Iterator[tuple[float, NDArray]]:  # fmt: skip
        """The states that `sample` passes through, from noise at t = T to t = 0.

        Parameters
        ----------
        n, rng, sampler, steps, eta, label, guidance : as in `sample`

        Returns
        -------
        an iterator of (t, x_t), x_t (n, D), in the units of the model; of "ode" two states, and of
            the solvers with few steps t is a real number

        Examples
        --------
        >>> model = mg.diffusion.ddpm(2, mg.diffusion.linear_schedule(20), hidden=8, rng=rng)
        >>> [t for t, x in model.states(3, rng=rng, steps=4)]
        [20, 14, 7, 1, 0]
        """
        reverse, x, options = self._begun(n, rng, sampler, steps, eta, label, guidance)
        return samplers.states(reverse, x, rng=rng, **options)

    def _begun(
        self, n: Size, rng: np.random.Generator, sampler: str, steps: int | None, eta: Share,
        label: ArrayLike | None, guidance: float,
    ) -> tuple[ReverseProcess, NDArray, dict[str, Any]]:  # fmt: skip
        """The process, x_T (n, D), and the checked options of a sampler."""
        n, rng = validate.integer("n", n, 0), validate.generator(rng)
        validate.choice("sampler", sampler, samplers.SAMPLERS)
        eta, T = validate.number("eta", eta, 0, 1), self.schedule.T
        if eta and sampler != "ddim":
            raise validate.expected("eta", f"0 for the sampler {sampler!r}", eta)
        if sampler == "ode" and steps is not None:
            raise validate.expected("steps", "none for the ODE, which has a tolerance", steps)
        steps = T if steps is None else validate.integer("steps", steps, 1, T)
        reverse, labels = self.reverse, self.data.labels(label, n)
        if validate.number("guidance", guidance, -1e6, 1e6) != 1:
            if not self.classes:
                raise validate.expected("guidance", "1 (the model has no classes)", guidance)
            if label is None:
                raise validate.expected("guidance", "1 without a label", guidance)
            reverse = reverse.guided(guidance, self.classes)
        D, kind = self.features, self.dtype.type
        x = drawn(lambda n: standard_normal((n, D), rng=rng, dtype=kind), n, D)
        return reverse, x, {"sampler": sampler, "steps": steps, "eta": eta, "label": labels}

    @checked
    def elbo(
        self, x: ArrayLike, *, rng: np.random.Generator, label: ArrayLike | None = None
    ) -> Elbo:
        """The bound on -log p(x), term by term, with its Monte Carlo error.

        Parameters
        ----------
        x : data, (N, D)
        rng : numpy.random.Generator
        label : a class, or one for each row; by default none

        Returns
        -------
        Elbo

        Examples
        --------
        >>> model = mg.diffusion.ddpm(2, mg.diffusion.linear_schedule(20), hidden=8, rng=rng)
        >>> bound = model.elbo(rng.standard_normal((50, 2)), rng=rng)
        >>> bound.L.shape, bool(bound.total > 0)
        ((21,), True)
        """
        x, rng = self.data.rows(x), validate.generator(rng)
        x0, labels = self.data.checked(x, label)
        volume = self.data.volume(x)
        return bound.evaluate(self.reverse, x0, rng=rng, label=labels, volume=volume)

    @checked
    def log_prob_ode(
        self, x: ArrayLike, *, label: ArrayLike | None = None, tolerance: Positive = 1e-5
    ) -> NDArray:
        """log p(x) of the probability-flow ODE (Song et al. 2021), for continuous data.

        Parameters
        ----------
        x : data, (N, D)
        label : a class, or one for each row; by default none
        tolerance : the error allowed in each row, in nats, that the steps of the solver make

        Returns
        -------
        (N,)
            In nats; -inf outside the support of `before`. A row's value does not depend on the
            other rows.

        Examples
        --------
        >>> model = mg.diffusion.ddpm(2, mg.diffusion.linear_schedule(20), hidden=8, rng=rng)
        >>> model.log_prob_ode(np.zeros((3, 2)), tolerance=1e-2).shape
        (3,)
        """
        if self.levels:
            raise validate.expected("levels", "0 (continuous data) for the ODE", self.levels)
        tolerance = validate.number("tolerance", tolerance, np.finfo(np.float64).eps)
        x = self.data.rows(x)
        good, labels = self.data.defined(x), self.data.labels(label, len(x))
        logp = np.full(len(x), -np.inf)
        if not good.any():
            return logp
        x = x if good.all() else x[good]
        x0, labels = self.data.checked(x, labels if labels is None else labels[good])
        if max(-x0.min(), x0.max()) > 1e4:
            what = "numbers within 1e4 of 0, where the ODE is smooth"
            validate.refuse("x", x0, np.abs(x0) > 1e4, what)
        reverse = self.reverse

        def run(x0: NDArray, label: NDArray | None) -> tuple[NDArray]:
            return (ode.log_prob(reverse, x0, label=label, tolerance=tolerance),)

        logp[good] = in_blocks(run, (x0, labels))[0] + self.data.volume(x)
        return logp

    @checked
    def encode(
        self, x: ArrayLike, *, label: ArrayLike | None = None, sampler: str = "ode",
        steps: int | None = None, tolerance: Positive | None = None,
    ) -> NDArray:  # fmt: skip
        """The noise x_T that data come from, by a map without chance.

        Parameters
        ----------
        x : data, (N, D)
        label : a class, or one for each row; by default none
        sampler : "ode", the probability-flow ODE, solved to the tolerance both ways; or "ddim",
            whose way up is the inverse of the way down only as the steps become short
        steps : of "ddim"; by default all T
        tolerance : of "ode", for each row, by default 1e-4

        Returns
        -------
        (N, D)
            In the units of the model: N(0, I), if the model is right and T is long.

        Examples
        --------
        >>> model = mg.diffusion.ddpm(2, mg.diffusion.linear_schedule(20), hidden=8, rng=rng)
        >>> x = rng.standard_normal((3, 2))
        >>> bool(np.allclose(model.decode(model.encode(x)), x, atol=1e-3))
        True
        """
        x0, labels = self.data.checked(x, label)
        return self._moved(x0, labels, sampler, steps, tolerance, up=True)

    @checked
    def decode(
        self, z: ArrayLike, *, label: ArrayLike | None = None, sampler: str = "ode",
        steps: int | None = None, tolerance: Positive | None = None,
    ) -> NDArray:  # fmt: skip
        """The data that come from the noise x_T.

        Parameters
        ----------
        z : x_T, (N, D)
        label, sampler, steps, tolerance : as in `encode`

        Returns
        -------
        (N, D)
            In the units of the data.

        Examples
        --------
        >>> model = mg.diffusion.ddpm(2, mg.diffusion.linear_schedule(20), hidden=8, rng=rng)
        >>> model.decode(rng.standard_normal((3, 2)), sampler="ddim", steps=5).shape
        (3, 2)
        """
        z = validate.array("z", z, ("N", self.features))
        z = z if z.dtype == np.float64 else validate.cast("z", z, self.dtype)
        labels = self.data.labels(label, len(z))
        return self._moved(z, labels, sampler, steps, tolerance, up=False)

    @checked
    def interpolate(
        self, a: ArrayLike, b: ArrayLike, count: Count = 8, *, label: ArrayLike | None = None,
        sampler: str = "ode", steps: int | None = None, tolerance: Positive | None = None,
    ) -> NDArray:  # fmt: skip
        """What lies between two rows of data: their noise x_T, along an arc, taken back.

        Parameters
        ----------
        a, b : the two, (D,)
        count : how many rows, a and b included
        label, sampler, steps : as in `encode`
        tolerance : of "ode", by default 1e-3

        Returns
        -------
        (count, D)

        Examples
        --------
        >>> model = mg.diffusion.ddpm(2, mg.diffusion.linear_schedule(20), hidden=8, rng=rng)
        >>> model.interpolate([0.0, 1.0], [1.0, 0.0], 5, sampler="ddim").shape
        (5, 2)
        """
        tolerance = 1e-3 if tolerance is None and sampler == "ode" else tolerance
        count, label = validate.integer("count", count, 2), self.data.labels(label, 1)
        ends = []
        for name, row in (("a", a), ("b", b)):
            x = validate.array(name, row, (self.features,))
            x0, labels = self.data.checked(x[None], label, name)
            ends.append(self._moved(x0, labels, sampler, steps, tolerance, up=True)[0])
        z = latents.spherical(ends[0], ends[1], np.linspace(0, 1, count))
        labels = None if label is None else np.broadcast_to(label, (count,))
        return self._moved(z, labels, sampler, steps, tolerance, up=False)

    def _moved(
        self, x: NDArray, labels: NDArray | None, sampler: str, steps: int | None,
        tolerance: float | None, up: bool,
    ) -> NDArray:  # fmt: skip
        """x_T from x_0, or back to data, by a sampler that is a map."""
        validate.choice("sampler", sampler, latents.WAYS)
        reverse, T = self.reverse, self.schedule.T
        if sampler == "ode":
            if steps is not None:
                raise validate.expected("steps", "none for the ODE, which has a tolerance", steps)
            tolerance = 1e-4 if tolerance is None else tolerance
            tolerance = validate.number("tolerance", tolerance, np.finfo(np.float64).eps)

            def run(x: NDArray, label: NDArray | None) -> tuple[NDArray]:
                way = {"label": label, "tolerance": tolerance, "backwards": not up}
                x = ode.sample(reverse, x, **way)
                return (x if up else self.data.unscale(x),)

            return in_blocks(run, (x, labels))[0]
        if tolerance is not None:
            raise validate.expected("tolerance", "none for DDIM, which has steps", tolerance)
        times = evenly_spaced(T, T if steps is None else validate.integer("steps", steps, 1, T))
        x = x.astype(self.dtype, copy=False)
        rng = np.random.default_rng(0)  # not used: DDIM without noise

        def move(x: NDArray, label: NDArray | None) -> tuple[NDArray]:
            if up:
                return (latents.ddim_inversion(reverse, x, times, label),)
            way = samplers.ddim(reverse, x, rng=rng, times=times, label=label)
            return (self.data.unscale(samplers.last(way)),)

        return in_blocks(move, (x, labels))[0]

    def __repr__(self) -> str:
        count = sum(a.size for a in tree.flatten(self.params).values())
        return (
            f"DDPM(features={self.features}, T={self.schedule.T}, "
            f"predict={self.reverse.predict!r}, variance={self.reverse.variance!r}, "
            f"levels={self.levels}, classes={self.classes}, {count} parameters)"
        )
