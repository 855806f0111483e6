"""What each assignment's functions are trained on, and the picture that shows it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minigen.data import baselines, bits_per_dim, digits, text, toy
from minigen.diffusion import cosine_schedule
from minigen.diffusion.network import TimeNet
from minigen.flows import Affine, Chain, Flow, Permute
from minigen.homework.milestones.code import Code
from minigen.homework.milestones.own_layers import (
    OwnBound,
    OwnChain,
    OwnCoupling,
    OwnFit,
    OwnGauss,
    OwnLayer,
    OwnLetters,
    OwnMAF,
    OwnReverse,
    OwnTriplet,
    first_layer,
)
from minigen.markov import fit_categorical
from minigen.metric import PCA, Balanced, recall
from minigen.nn import Linear, Sequential, mlp
from minigen.prob import Gaussian, StandardNormal
from minigen.training import Run, fit

Rng = np.random.Generator


class Trained(NamedTuple):
    """A model, its run, what came out in a line, and the picture."""

    model: Any
    run: Run
    said: str
    draw: Callable[[], Any]


def curve(code: Code, steps: int, rng: Rng, progress: bool | None) -> Trained:
    """Homework 1: a curve by two layers and a loss."""
    x = np.linspace(-3, 3, 400)[:, None]
    y = np.sin(2 * x) + 0.3 * x
    layers = []
    for n in (1, 24):
        first = first_layer(n, 24, rng)
        layers.append(OwnLayer(code, first.W, first.b))
    net = Sequential((*layers, Linear.init(24, 1, rng=rng, dtype=np.float64)))
    noisy = y + 0.1 * rng.standard_normal(y.shape)
    run = fit(OwnFit(code, net), (x, noisy), steps=steps, batch=100, lr=1e-2, rng=rng,
              progress=progress)  # fmt: skip
    found = net.forward(x)[0]
    off = np.sqrt(((found - y) ** 2).mean())

    def draw() -> Any:
        from minigen import plot

        some = slice(None, None, 8)
        table = {"the network": (x[some, 0], found[some, 0]), "truth": (x[some, 0], y[some, 0])}
        return plot.lines(table, xlabel="x", ylabel="y", dashed=("truth",))

    return Trained(net, run, f"root mean square error {off:.3f}; the noise is 0.1", draw)


def plane(maps: list[Any], base: Any, steps: int, rng: Rng, progress: bool | None, *,
          lr: float = 5e-3, name: str = "moons") -> Trained:  # fmt: skip
    """A toy by a flow, beside the truth."""
    truth = toy(name)
    flow = Flow(Chain(tuple(maps)), base)
    run = fit(flow.nll, truth, steps=steps, lr=lr, clip=10.0, rng=rng, progress=progress)
    x = truth.sample(5000, rng=rng)
    gap = float((truth.log_prob(x) - flow.log_prob(x)).mean())
    plain = Gaussian.from_moments(x.mean(axis=0), np.cov(x.T))
    best = float((truth.log_prob(x) - plain.log_prob(x)).mean())

    def draw() -> Any:
        from minigen import plot

        return plot.density(flow, truth)

    said = f"KL(truth, model) {gap:.3f} nats; of the best Gaussian {best:.3f}"
    return Trained(flow, run, said, draw)


def change(code: Code, steps: int, rng: Rng, progress: bool | None) -> Trained:
    """Homework 2: a toy by four chains and your base density.

    arcsinh makes long tails short, the cube makes short ones long and cannot take a long one.
    """
    name, size = {"arcsinh": ("funnel", 1.0), "cubic": ("moons", 0.4)}.get(
        code.variant["map"], ("banana", 0.7)
    )
    maps: list[Any] = [Affine.standardize(toy(name).sample(2000, rng=rng))]
    for _ in range(4):
        turn, _ = np.linalg.qr(rng.standard_normal((2, 2)))
        maps.append(OwnChain(code, size * turn, 0.5 * rng.standard_normal(2)))
    L = np.zeros((2, 2)) if code.variant["base"] == "log diagonal" else np.eye(2)
    return plane(maps, OwnGauss(code, L), steps, rng, progress, lr=5e-3, name=name)


def coupling(code: Code, steps: int, rng: Rng, progress: bool | None) -> Trained:
    """Homework 3: the moons of the demo by your coupling."""
    maps = [f for _ in range(8)
            for f in (Permute.halves(2), OwnCoupling.init(code, 2, 64, rng=rng))]  # fmt: skip
    return plane(maps, StandardNormal(2), steps, rng, progress)


def autoregressive(code: Code, steps: int, rng: Rng, progress: bool | None) -> Trained:
    """Homework 4: the moons by your MAF."""
    maps = [f for _ in range(6)
            for f in (Permute.halves(2), OwnMAF.init(code, 2, 64, rng=rng))]  # fmt: skip
    return plane(maps, StandardNormal(2), steps, rng, progress)


def diffusion(code: Code, steps: int, rng: Rng, progress: bool | None) -> Trained:
    """Homework 5: the moons from noise by your reverse process, on your schedule."""
    T, moons = 80, toy("moons")
    beta, alpha_bar = code.value("schedule", [(T + 1,), (T + 1,)], T)
    net = TimeNet.init(2, 2, T=T, hidden=128, blocks=2, rng=rng, dtype=np.float64)
    loss = OwnReverse(code, net, beta, alpha_bar)
    run = fit(loss, moons, steps=steps, batch=256, lr=3e-3, ema=0.99, rng=rng, progress=progress)
    x = rng.standard_normal((1500, 2))
    kept = [x]
    for t in range(T, 1, -1):
        x = loss.step(x, t, rng)
        kept.append(x)
    at = np.linspace(0, T - 1, 6).round().astype(int)
    nll = -moons.log_prob(x).mean()

    def draw() -> Any:
        from minigen import plot

        names = [f"t = {T - k}" for k in at]
        return plot.filmstrip([kept[k] for k in at], names, how="noise to samples")

    said = f"-log p of the samples under the truth {nll:.2f} nats; of true ones {moons.entropy:.2f}"
    return Trained(loss, run, said, draw)


def elbo(code: Code, steps: int, rng: Rng, progress: bool | None) -> Trained:
    """Homework 6: the digits of the demo by your terms of the ELBO."""
    data, schedule = digits(), cosine_schedule(10, 0.1)
    D, T = data.train.x.shape[1], schedule.T
    net = TimeNet.init(D, 2 * D, T=T, hidden=192, blocks=2, rng=rng, dtype=np.float64)
    loss = OwnBound(code, net, data.levels, schedule.beta)
    run = fit(loss, data.train.x, steps=steps, batch=128, lr=3e-3, ema=0.99, rng=rng,
              progress=progress)  # fmt: skip
    L = terms(loss, data.test.x, rng)
    bits, last = bits_per_dim(L.sum(), D), bits_per_dim(L[-1], D)
    x = rng.standard_normal((80, D))  # q(x_T | x_0), whatever the variant's prior
    for t in range(T, 0, -1):
        x = loss.step(x, t, rng)
    top = data.levels - 1
    pixels = np.clip(np.round((x + 1) * top / 2), 0, top)

    def draw() -> Any:
        from minigen import plot
        from minigen.plot.style import panels

        left, right = panels(2, width=5.0, height=3.9)
        plot.images(pixels, columns=10, top=top, heading="80 samples", ax=left)
        plot.elbo_terms(L, ax=right)
        return left.figure

    pixel = baselines(data)["independent pixels"]
    said = f"at most {bits:.2f} bits a pixel on images of others; independent pixels {pixel:.2f}"
    if last > 0.01:
        said += f"\n{last:.2f} of them is L_T: the walk ends at N(0, 1), which is not this prior"
    return Trained(loss, run, said, draw)


def terms(loss: OwnBound, x: NDArray, rng: Rng) -> NDArray:
    """L_0, ..., L_T, means over the rows x, (T + 1,)."""
    L = np.zeros(loss.T + 1)
    given = loss.laid_out(x, rng)
    for t in range(1, loss.T + 1):
        eps = rng.standard_normal(x.shape)
        sums, _ = loss.terms(t=np.full(len(x), t), eps=eps, **given)
        L[t - 1] = sum(sums.values()) / len(x)
    A = np.full(x.shape, loss.alpha_bar[-1])
    L[-1] = loss.code.forward("prior", [(len(x),)], (given["x0"], A))[0].mean()
    return L


def triplet(code: Code, steps: int, rng: Rng, progress: bool | None) -> Trained:
    """Homework 7: digits embedded by your triplet loss."""
    data = digits()
    net = mlp(64, (128,), 16, rng=rng, dtype=np.float64)
    loss = OwnTriplet(code, net)
    batches = Balanced(data.train.x / 16, data.train.y, per_class=8)
    fixed = batches.sample(400, rng=rng)
    run = fit(loss, batches, validation=fixed, steps=steps, batch=80, rng=rng, progress=progress)
    test = data.test
    e = loss.embed(test.x / 16)
    found, pixels = recall(e, test.y)[1], recall(test.x, test.y)[1]

    def draw() -> Any:
        from minigen import plot

        return plot.embedding(PCA.of(e, 2).embed(e), test.x, test.y)

    return Trained(loss, run, f"recall@1 {found:.3f} of images of others; of pixels {pixels:.3f}",
                   draw)  # fmt: skip


def markov(code: Code, steps: int, rng: Rng, progress: bool | None) -> Trained:
    """Homework 8: the letters of a text by your table."""
    alice, length = text(), 40
    letters = np.concatenate(alice.split()[0])
    y = letters[: len(letters) // length * length].reshape(-1, length)
    K = alice.states
    loss = OwnLetters(code, np.zeros((K, K)), np.zeros(K))
    run = fit(loss, y, steps=steps, batch=128, lr=0.1, rng=rng, progress=progress)
    mine, _ = loss.forward(y=y)
    counted = -fit_categorical(y, states=K, pseudocount=0.1).log_prob(y).mean() / length
    P = loss.P
    common = np.sort(np.argsort(-np.bincount(letters, minlength=K))[:20])

    def draw() -> Any:
        from minigen import plot

        names = ["space" if c == " " else c for c in np.array(list(alice.symbols))[common]]
        shown = P[np.ix_(common, common)]
        return plot.transition(shown / shown.sum(axis=1, keepdims=True), names)

    said = f"{mine:.3f} nats a letter; by counting pairs {counted:.3f}"
    return Trained(loss, run, said, draw)


RUNS: dict[str, tuple[Callable[..., Trained], int, str]] = {  # the steps, and what the title says
    "gradients": (curve, 800, "A curve, by the layer and the loss of"),
    "change": (change, 3000, "A density, by the chain and the base of"),
    "coupling": (coupling, 1500, "The moons, by the coupling of"),
    "autoregressive": (autoregressive, 1500, "The moons, by the MAF of"),
    "diffusion": (diffusion, 5000, "The moons out of noise, by the reverse process of"),
    "elbo": (elbo, 3000, "Digits, by the ELBO terms of"),
    "triplet": (triplet, 400, "Digits by likeness, by the triplet loss of"),
    "markov": (markov, 400, "Letters, by the Markov chain of"),
}
