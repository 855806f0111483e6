"""Samples against densities, with error rates that are designed.

Every statistic is a largest difference of distribution functions, u = F(x) against the uniform
law. For n independent u, P(max |F_n - F| > e) <= 2 exp(-2 n e^2) (Dvoretzky, Kiefer & Wolfowitz
1956; Massart 1990). With FALSE_ALARM for the whole module, shared by at most TESTS statistics, and
MISSED for a difference of DISTANCE, that gives the threshold and the number of samples:

    threshold = sqrt(log(2 TESTS / FALSE_ALARM) / 2 n)
    n         = (sqrt(log(2 TESTS / FALSE_ALARM)) + sqrt(log(2 / MISSED)))^2 / 2 DISTANCE^2

A normal law that is shifted by 0.101 standard deviations, or 1.18 times as wide, is DISTANCE away.
What is planted below is farther. MINIGEN_SEED draws other samples: any seed must pass.
"""

import os

import numpy as np
import pytest
from scipy.special import ndtr

from minigen import data, diffusion, flows, markov, prob
from minigen.core.tree import perturbed

FALSE_ALARM, MISSED, DISTANCE, TESTS = 1e-6, 1e-6, 0.04, 200
ALARM = np.log(2 * TESTS / FALSE_ALARM)
N = int(np.ceil((np.sqrt(ALARM) + np.sqrt(np.log(2 / MISSED))) ** 2 / (2 * DISTANCE**2)))
SEED = int(os.environ.get("MINIGEN_SEED", "0"))


@pytest.fixture
def rng(request):
    """A generator of its own for each test, in whatever order they run."""
    return np.random.default_rng([SEED, *request.node.name.encode()])


def threshold(n):
    return np.sqrt(ALARM / (2 * n))


def distance(u):
    """The largest difference between the empirical distribution of u (n,) and the uniform one."""
    u = np.sort(u)
    k = np.arange(len(u))
    return max(np.max((k + 1) / len(u) - u), np.max(u - k / len(u)))


def two_sample(x, y):
    """The largest difference between two empirical distributions."""
    both = np.concatenate([x, y])
    left, right = (np.searchsorted(np.sort(s), both, side="right") / len(s) for s in (x, y))
    return np.max(np.abs(left - right))


def conditionals(log_prob, x, box, cells=600):
    """(F(x_1), F(x_2 | x_1)) of each row, by quadrature of a density on the plane.

    Rows of the table are values of x_1. It must hold all of the mass: that is asserted, and with
    it that the density is normalised.
    """
    a, b = (np.linspace(*side, cells) for side in box)
    grid = np.stack(np.meshgrid(a, b, indexing="ij"), axis=-1).reshape(-1, 2)
    p = np.exp(log_prob(grid).astype(np.float64)).reshape(cells, cells)
    p[:, 0] = p[0] = 0
    area = (a[1] - a[0]) * (b[1] - b[0])
    assert abs(p.sum() * area - 1) < 5e-3
    column = np.cumsum((p + np.roll(p, 1, 1)) / 2, axis=1)  # F(x_2 | x_1), not yet divided
    total = column[:, -1]
    first = np.cumsum((total + np.roll(total, 1)) / 2)
    u = np.interp(x[:, 0], a, first / first[-1])
    row, part = place(x[:, 0], a)
    cell, inner = place(x[:, 1], b)

    def at(i):
        low, high = column[i, cell], column[i, np.minimum(cell + 1, cells - 1)]
        return low + inner * (high - low)

    next_row = np.minimum(row + 1, cells - 1)
    mass = (1 - part) * total[row] + part * total[next_row]
    v = ((1 - part) * at(row) + part * at(next_row)) / np.maximum(mass, 1e-300)
    return u, np.clip(v, 0, 1)


def place(x, grid):
    """The cell of each x and how far into it, 0..1."""
    where = np.clip((x - grid[0]) / (grid[1] - grid[0]), 0, len(grid) - 1)
    return where.astype(int), where - where.astype(int)


def statistics(log_prob, x, box):
    """F(x_1), F(x_2 | x_1), and their sum modulo 1, which is uniform if they are independent."""
    u, v = conditionals(log_prob, x, box)
    return {"x1": distance(u), "x2 | x1": distance(v), "both": distance((u + v) % 1)}


def box_of(x):
    """A box that holds all samples and some room."""
    low, high = x.min(axis=0), x.max(axis=0)
    room = 0.25 * (high - low)
    return list(zip(low - room, high + room, strict=True))


def moved(make, spread=0.3):
    """A model whose parameters stand off their start, the same for every seed of the samples."""
    fixed = np.random.default_rng(5)
    return perturbed(make(fixed), fixed, spread)


MODELS = {
    "Real NVP": lambda: moved(lambda rng: flows.real_nvp(2, 3, (16,), activation="tanh", rng=rng)),
    "MAF": lambda: moved(lambda rng: flows.maf(2, 2, (16,), activation="tanh", rng=rng)),
    "IAF": lambda: moved(lambda rng: flows.iaf(2, 2, (16,), activation="tanh", rng=rng)),
    "MADE of mixtures": lambda: moved(
        lambda rng: flows.MADEMoG.init(2, (16,), 3, activation="tanh", rng=rng)
    ),
    "spline MAF": lambda: moved(
        lambda rng: flows.neural_spline(2, 2, (16,), bins=6, activation="tanh", rng=rng), 0.15
    ),
    "spline coupling": lambda: moved(
        lambda rng: flows.neural_spline(
            2, 2, (16,), bins=6, coupling=True, activation="tanh", rng=rng
        ),
        0.15,
    ),
    "Gaussian": lambda: prob.Gaussian.from_moments([1.0, -2.0], [[1.0, 0.6], [0.6, 2.0]]),
    "mixture": lambda: prob.Mixture.of_gaussians(
        [[-2.0, 0.0], [2.0, 1.0]], scale=0.7, dtype=np.float64
    ),
    "moons": lambda: data.toy("moons"),
    "eight Gaussians": lambda: data.toy("eight_gaussians"),
    "banana": lambda: data.toy("banana"),
    "pinwheel": lambda: data.toy("pinwheel"),
}
PLANTED = {  # what each must catch, for every model: the samples with something wrong
    "1.3 times as wide": lambda x: x.mean(axis=0) + 1.3 * (x - x.mean(axis=0)),
    "shifted by 0.2 standard deviations": lambda x: x + 0.2 * x.std(axis=0),
    "every tenth sample twice as far": lambda x: np.where(
        np.arange(len(x))[:, None] % 5 == 0, x.mean(axis=0) + 2.5 * (x - x.mean(axis=0)), x
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_samples_have_the_density_of_their_model(name, rng):
    model = MODELS[name]()
    x = np.asarray(model.sample(N, rng=rng), np.float64)
    found = statistics(model.log_prob, x, box_of(x))
    assert max(found.values()) < threshold(N), found


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize("name", ["Real NVP", "MAF", "Gaussian", "MADE of mixtures"])
def test_a_planted_difference_is_caught(name, planted, rng):
    model = MODELS[name]()
    x = PLANTED[planted](np.asarray(model.sample(N, rng=rng), np.float64))
    found = statistics(model.log_prob, x, box_of(x))
    assert max(found.values()) > threshold(N), found


def test_columns_drawn_without_each_other_are_caught(rng):
    """Each column has its right law, and only their dependence is lost."""
    model = MODELS["Gaussian"]()
    x = model.sample(N, rng=rng)
    x[:, 1] = rng.permutation(x[:, 1])
    found = statistics(model.log_prob, x, box_of(x))
    assert found["x1"] < threshold(N) < found["x2 | x1"]


def test_a_lost_mode_is_caught(rng):
    model = MODELS["mixture"]()
    x = model.sample(2 * N, rng=rng)
    lost = x[(x[:, 0] > 0) | (np.arange(2 * N) % 5 > 0)][:N]  # a fifth of one mode
    assert max(statistics(model.log_prob, lost, box_of(x)).values()) > threshold(N)


# ------------------------------------------------------------ diffusion, with the ideal network

MEAN, COVARIANCE = np.array([0.5, -1.0]), np.array([[1.0, 0.5], [0.5, 0.5]])


def ideal(steps=200):
    """A DDPM whose network is the ideal eps of N(MEAN, COVARIANCE)."""
    schedule = diffusion.cosine_schedule(steps)
    net = diffusion.IdealNoise.init(schedule, MEAN[None], COVARIANCE[None])
    first = float(schedule.beta[1])
    return diffusion.DDPM(diffusion.ReverseProcess(net, schedule, 2, "eps", "beta", first))


def whitened(x):
    """Columns that are independent N(0, 1) if x ~ N(MEAN, COVARIANCE), and their difference."""
    z = np.linalg.solve(np.linalg.cholesky(COVARIANCE), (x - MEAN).T)
    return [distance(ndtr(w)) for w in (*z, (z[0] - z[1]) / np.sqrt(2))]


@pytest.mark.parametrize("sampler", ["ancestral", "ddim", "ode"])
def test_diffusion_with_the_ideal_network_draws_the_data(sampler, rng):
    """What T = 200 steps leave of their own is below a tenth of DISTANCE."""
    x = ideal().sample(N, sampler=sampler, rng=rng)
    assert max(whitened(x)) < threshold(N)


@pytest.mark.parametrize("steps", [3, 6])
def test_too_few_steps_of_ddim_are_caught(steps, rng):
    x = ideal().sample(N, sampler="ddim", steps=steps, rng=rng)
    assert max(whitened(x)) > threshold(N)


def test_the_ideal_network_of_other_data_is_caught(rng):
    """1.3 times the standard deviation, in the network alone."""
    model = ideal()
    net = diffusion.IdealNoise.init(model.schedule, MEAN[None], 1.69 * COVARIANCE[None])
    first = float(model.schedule.beta[1])
    other = diffusion.ReverseProcess(net, model.schedule, 2, "eps", "beta", first)
    x = diffusion.DDPM(other).sample(N, sampler="ddim", steps=50, rng=rng)
    assert max(whitened(x)) > threshold(N)


def test_the_data_of_the_ideal_network_are_its_mixture(rng):
    """Two samples, drawn in two ways, in three directions: their thresholds add."""
    means = np.array([[-1.0, 0.0], [1.0, 1.0]])
    schedule = diffusion.cosine_schedule(50)
    net = diffusion.IdealNoise.init(schedule, means, 0.25)
    mixture = prob.Mixture.of_gaussians(means, scale=0.5, dtype=np.float64)
    x, y = net.sample(4 * N, rng=rng), mixture.sample(4 * N, rng=rng)
    for w in np.array([[1.0, 0.0], [0.0, 1.0], [0.6, -0.8]]):
        assert two_sample(x @ w, y @ w) < 2 * threshold(4 * N)
        assert two_sample(x @ w, 1.3 * (y - means.mean(axis=0)) @ w) > 2 * threshold(4 * N)


# ------------------------------------------------------------ chains


def test_a_gaussian_chain_draws_its_joint_law(rng):
    """Two steps of one dimension are a plane."""
    chain = markov.GaussianChain.of([[0.8]], [0.1], [[0.5]])
    x = chain.sample(N, length=2, rng=rng).reshape(N, 2)

    def log_prob(x):
        return chain.log_prob(x[:, :, None])

    assert max(statistics(log_prob, x, box_of(x)).values()) < threshold(N)
    x[:, 1] = x[:, 0] * 0.6 + (x[:, 1] - 0.8 * x[:, 0])  # 0.6 in place of 0.8
    assert max(statistics(log_prob, x, box_of(x)).values()) > threshold(N)


def shares(chain, y):
    """The largest difference of the shares of the steps k -> l; Hoeffding's bound is the same."""
    worst = 0.0
    for k, row in enumerate(chain.P):
        after = y[:, 1][y[:, 0] == k]
        found = np.bincount(after, minlength=len(row)) / len(after)
        worst = max(worst, np.max(np.abs(found - row)) / threshold(len(after)))
    return worst


def test_a_categorical_chain_takes_its_steps(rng):
    P = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]])
    chain = markov.CategoricalChain.of([0.4, 0.3, 0.3], P)
    y = chain.sample(4 * N, length=2, rng=rng)
    assert shares(chain, y) < 1
    other = markov.CategoricalChain.of([0.4, 0.3, 0.3], P[:, ::-1])  # columns turned
    assert shares(other, y) > 1


def test_dequantised_levels_are_uniform_in_their_cells(rng):
    x = rng.integers(0, 4, (N, 1))
    noisy = prob.dequantize(x, rng)
    assert distance((noisy - x).ravel()) < threshold(N)
    assert distance(0.9 * (noisy - x).ravel()) > threshold(N)
