"""Measure the four answers to SLOW, the covariance of a step, and the clock: one row a figure.

    python benchmarks/slow_sigma_clock.py [SECTION ...] [--pictures FOLDER] [--minutes M]

Sections: jacobi, student, sigma, sigma-digits, sigma-network, predictions, orders, clock,
transformer. Times are CPU times of runs that take turns, so that a machine that is not idle
disturbs them alike. With --pictures each section also draws what its figures say.
"""

import argparse
import pathlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

import minigen as mg
from minigen.diffusion import (
    DDPM,
    Clock,
    ClockLoss,
    IdealNoise,
    IntegralBound,
    cosine_schedule,
    ode,
    respaced,
    solvers,
)
from minigen.diffusion.predict import coefficients_at
from minigen.diffusion.reverse import ReverseProcess
from minigen.flows import (
    MAFLayer,
    distil,
    incremental,
    jacobi,
    kl_samples,
    maf,
    neural_spline,
    student,
)
from minigen.flows.sequential import d_passes

MEANS = np.array([[-1.0, 0.3], [0.8, 1.1], [0.5, -0.9]])
STEPS = (10, 20, 50, 200)  # of a process whose covariance is measured
Lines = dict[str, tuple[Any, Any]]


def row(figure: str, goal: str, measured: str) -> None:
    """Print one line of the table."""
    print(f"| {figure} | {goal} | {measured} |", flush=True)


def ratio(first: Callable[[], Any], second: Callable[[], Any], rounds: int = 9) -> float:
    """The median of CPU time of the first over that of the second, measured in pairs."""
    found = []
    first()
    second()
    for _ in range(rounds):
        times = []
        for run in (first, second):
            start = time.process_time()
            run()
            times.append(time.process_time() - start)
        found.append(times[0] / times[1])
    return float(np.median(found))


def digits_maf(steps: int = 1000, layers: int = 5) -> tuple[Any, Any, np.random.Generator]:
    """A MAF trained on the digits."""
    rng, digits = np.random.default_rng(0), mg.data.digits()
    flow = maf(
        64, layers, (256, 256), levels=17, before=(mg.flows.Logit(bins=17.0, low=0.01),),
        init_from=digits.train.x, activation="tanh", rng=rng,
    )  # fmt: skip
    mg.fit(
        flow.nll, digits.train.x, validation=digits.validation.x, steps=steps, batch=128, lr=2e-3,
        weight_decay=1.0, ema=0.99, validate_every=100, rng=rng, progress=False,
    )  # fmt: skip
    return flow, digits, rng


def measured_jacobi(draw: Callable[..., None], minutes: float) -> None:
    """Jacobi iteration in the layers of a trained MAF."""
    flow, _, rng = digits_maf()
    within, least, exact = [], [], []
    lines: Lines = {}
    layers = [f for f in flow.chain.layers if isinstance(f, MAFLayer)]
    for number, layer in enumerate(layers, 1):
        f = layer.astype(np.float64)
        z = rng.standard_normal((100, 64))
        truth, _ = incremental(f.made, z, f.solve)
        x, _, evaluations = jacobi(f.made, z, f.solve)
        exact.append(float(np.abs(x - truth).max()))
        least.append(evaluations)
        y, errors = np.zeros_like(z), []
        while len(errors) < 64 and not (errors and errors[-1] == 0):
            h, _ = f.made.forward(y)
            y = f.solve(h.reshape(-1, 2), z.reshape(-1))[0].reshape(z.shape)
            errors.append(float(np.abs(y - truth).max()))
        within.append(1 + int(np.argmax(np.array(errors) < 1e-6)))
        lines[f"layer {number}"] = np.arange(1, len(errors) + 1), np.maximum(errors, 1e-17)
    row("Jacobi, largest difference from the incremental pass", "1e-12", f"{max(exact):.1e}")
    row("evaluations until nothing moves, by layer", "<= 65", " ".join(map(str, least)))
    row("evaluations to 1e-6, by layer", "<= 10 of 64", " ".join(map(str, within)))
    draw("slow_jacobi", lines, log="y", xlabel="evaluations of the network",
         ylabel="largest error of x", title="Jacobi iteration, trained MAF, D = 64")  # fmt: skip
    f, z = layers[-1], rng.standard_normal((200, 64)).astype(np.float32)
    ways = {
        "one coordinate a pass": lambda: d_passes(f.made, z, f.solve),
        "jacobi, to 1e-6": lambda: jacobi(f.made, z, f.solve, tolerance=1e-6),
        "each unit once": lambda: incremental(f.made, z, f.solve),
    }
    for name, run in ways.items():
        found = ratio(run, lambda: f.forward(z), 5)
        row(f"sampling, {name} / a density pass", "as it is", f"{found:.1f}")


def measured_student(draw: Callable[..., None], minutes: float) -> None:
    """Distillation of a MAF, on moons and on the digits."""
    rng, moons = np.random.default_rng(0), mg.data.toy("moons")
    plane = maf(2, 6, (64, 64), rng=rng)
    mg.fit(plane.nll, moons, steps=1500, lr=3e-3, rng=rng, progress=False)
    pixels, digits, _ = digits_maf(600)
    teachers = {"moons": (plane, 6, (64, 64), 2000), "digits": (pixels, 5, (256, 256), 2000)}
    for name, (teacher, layers, hidden, steps) in teachers.items():
        fast = student(teacher, layers, hidden, rng=rng)
        start = kl_samples(fast, teacher, 2000, rng=rng).mean()
        mg.fit(
            distil(fast, teacher), fast.base, steps=steps, batch=256, lr=2e-3, clip=5.0, ema=0.99,
            rng=rng, progress=False,
        )  # fmt: skip
        gap = kl_samples(fast, teacher, 4000, rng=rng)
        error = gap.std() / np.sqrt(len(gap))
        row(f"KL(student, teacher), {name}", "printed",
            f"{gap.mean():.2f} +- {error:.2f} nats (untrained {start:.0f})")  # fmt: skip
        if name == "digits":
            test = digits.test.x
            bits = {n: f.bits_per_dim(test, rng=rng).mean()
                    for n, f in {"teacher": teacher, "student": fast}.items()}  # fmt: skip
            row("bits/dim of the test digits", "printed",
                f"teacher {bits['teacher']:.3f}, student {bits['student']:.3f}")  # fmt: skip
            x = np.concatenate([f.sample(40, rng=rng) for f in (teacher, fast)])
            draw("slow_student_digits", mg.plot.images(
                x, columns=10, top=16, heading="above the teacher, below its student"))  # fmt: skip
            data = np.asarray(mg.prob.dequantize(test[:1000].astype(np.float64), rng))
        else:
            real = moons.sample(4000, rng=rng)
            other = (teacher.log_prob(real) - fast.log_prob(real)).astype(np.float64)
            row("mean log(teacher / student) on real moons", "printed", f"{other.mean():.2f} nats")
            draw("slow_student_moons", mg.plot.density(fast, teacher))
            data = moons.sample(1000, rng=rng)
        costs(name, teacher, fast, data)


def costs(name: str, teacher: Any, fast: Any, data: Any) -> None:
    """Rows of what a sample takes, beside a pass of the teacher's density."""
    n, rng = len(data), np.random.default_rng(0)
    cost = ratio(lambda: fast.sample(n, rng=rng), lambda: teacher.log_prob(data))
    row(f"student's sample / teacher's density pass, {name}", "<= 1.2", f"{cost:.2f}")
    own = ratio(lambda: teacher.sample(n, rng=rng), lambda: teacher.log_prob(data), 3)
    row(f"teacher's own sample / its density pass, {name}", "as it is", f"{own:.2f}")


def measured_sigma(draw: Callable[..., None], minutes: float) -> None:
    """The nats that each covariance of a reverse step loses, with the exact mean."""
    moons: Any = mg.data.toy("moons")
    losses("moons", moons.mixture(), STEPS, draw, 1000)


def measured_sigma_digits(draw: Callable[..., None], minutes: float) -> None:
    """The same on a mixture of 40 narrow Gaussians around digits, whose density is known."""
    digits = mg.data.digits().train.x[:40].astype(np.float64)
    means = (digits - digits.mean(axis=0)) / digits.std()
    losses("40 digits", (means, 0.05), STEPS, draw, 60)


def losses(name: str, mixture: Any, steps: Any, draw: Any, samples: int) -> None:
    """Rows of one data set, and its picture."""
    curves: dict[str, list[float]] = {}
    for T in steps:
        ideal = IdealNoise.init(cosine_schedule(T), *mixture)
        lost = mg.diffusion.nats_lost(ideal, rng=np.random.default_rng(T), samples=samples)
        beta, root = lost["beta"].mean(), np.sqrt(samples)
        for key, rows in lost.items():
            curves.setdefault(key, []).append(float(rows.mean()))
            share = rows.mean() / beta
            error = (rows - share * lost["beta"]).std() / root / beta  # of a ratio of means
            row(f"nats lost on {name}, T = {T}, {key}", "full <= 50 % of beta, >= 0",
                f"{rows.mean():.5f} +- {rows.std() / root:.5f}; "
                f"{100 * share:.2f} +- {100 * error:.2f} % of beta")  # fmt: skip
    shown = {k: (list(steps), v) for k, v in curves.items() if k != "beta_tilde"}
    draw(f"sigma_{name.split()[-1]}", shown, log="xy", xlabel="steps T",
         ylabel="nats lost over the truth",
         title=f"What the covariance of a step loses: {name}")  # fmt: skip


def measured_sigma_network(draw: Callable[..., None], minutes: float) -> None:
    """The bound of one network of digits under five variances; there is no truth to compare."""
    rng, digits = np.random.default_rng(0), mg.data.digits()
    fine = cosine_schedule(2000, 0.1)  # below its first tenth the noise is finer than a grey level
    schedule = respaced(fine, np.linspace(200, 2000, 200).round().astype(int))
    model = mg.diffusion.ddpm(
        64, schedule, hidden=192, blocks=2, predict="v", levels=17, variance="beta", rng=rng
    )
    settings: dict[str, Any] = {
        "validation": digits.validation.x, "validate_every": 250, "batch": 128, "lr": 3e-3,
        "ema": 0.995, "rng": rng, "progress": False,
    }  # fmt: skip
    mg.fit(model.loss, digits.train.x, steps=2500, **settings)
    wide = mg.diffusion.with_covariance(model, hidden=192, blocks=2, rng=rng)
    mg.fit(wide, digits.train.x, steps=1500, **settings)
    new = model.data.scale(digits.validation.x)
    curves: dict[str, list[float]] = {}
    for T in STEPS:
        for name, one in choices(model.reverse, wide.reverse, T, new).items():
            bound = replace(model, reverse=one).elbo(
                digits.test.x[:400], rng=np.random.default_rng(T)
            )
            curves.setdefault(name, []).append(float(bound.bits_per_dim))
            row(f"bits/dim of one network of digits, T = {T}, {name}", "as it is",
                f"{bound.bits_per_dim:.3f} +- {bound.bits_error:.3f}")  # fmt: skip
    shown = {k: (list(STEPS), v) for k, v in curves.items()}
    draw("sigma_network", shown, log="x",
         xlabel="steps T", ylabel="bits/dim",
         title="One network of digits, five variances")  # fmt: skip


class Shares(mg.core.Layer):
    """A network, and beside it log Var[eps | x_t] as a table of t: (T+1, 1) or (T+1, D)."""

    def __init__(self, net: Any, table: Any) -> None:
        self.net, self.table = net, np.log(table)

    def forward(self, x: Any, *, t: Any) -> tuple[Any, Any]:
        out, cache = self.net.forward(x, t=t)
        share = np.broadcast_to(self.table[t], out.shape).astype(out.dtype)
        return np.concatenate([out, share], axis=1), cache


def choices(fixed: Any, learned: Any, T: int, x: Any) -> dict[str, Any]:
    """The same mean at T of the times, under five variances; tables are chosen on the rows x."""
    p, rng = fixed.respaced(T), np.random.default_rng(1)
    table = np.ones((T + 1, x.shape[1]))
    for t in range(1, T + 1):
        eps = rng.standard_normal(x.shape).astype(x.dtype)
        xt, _ = p.noising.forward(x, eps, t=np.array([t]))
        table[t] = ((p.predicted(xt, np.array([t]), "eps") - eps) ** 2).mean(axis=0)
    tables = {"one number a step": table.mean(axis=1, keepdims=True), "one a step and pixel": table}
    return {
        "beta": p, "beta_tilde": replace(p, variance="beta_tilde"),
        **{k: replace(p, net=Shares(p.net, v), variance="share") for k, v in tables.items()},
        "learned for each x_t": learned.respaced(T),
    }  # fmt: skip


def measured_predictions(draw: Callable[..., None], minutes: float) -> None:
    """One model in five names, sampled on both paths."""
    schedule = cosine_schedule(100)
    x = np.random.default_rng(0).standard_normal((200, 2))
    ends, apart = {}, 0.0
    ways: Lines = {}
    for kind in ("eps", "x0", "v", "score", "velocity"):
        net = Named(IdealNoise.init(schedule, MEANS, 0.3), kind)
        reverse = ReverseProcess(net, schedule, 2, kind, "beta", 0.01)
        curved = list(curve(reverse, x))
        straight = list(line(reverse, x))
        size = solvers.scale(float(np.exp(schedule.log_ratios[1])))  # of x_t over y at t = 1
        apart = max(apart, float(np.abs(straight[-1] * size - curved[-1]).max()))
        ends[kind] = curved[-1]
        if kind == "velocity":
            for name, states in (("the path of DIF-11", curved), ("the straight path", straight)):
                at = np.array([state[1] for state in states])
                ways[name] = at[:, 0], at[:, 1]
    between = max(float(np.abs(ends[a] - ends["eps"]).max()) for a in ends)
    row("five predictions, the same samples", "1e-6", f"{between:.0e}")
    row("both paths, the same points", "1e-6", f"{apart:.0e}")
    draw("paths", ways, xlabel="first coordinate", ylabel="second coordinate",
         title="A point of noise, carried to the data on two paths")  # fmt: skip


class Named(mg.core.Layer):
    """The exact noise of a mixture, told as another prediction."""

    def __init__(self, net: Any, kind: str) -> None:
        self.net, self.kind = net, kind

    def astype(self, dtype: Any) -> "Named":
        return Named(self.net.astype(dtype), self.kind)

    def forward(self, x: Any, *, t: Any) -> tuple[Any, Any]:
        eps, cache = self.net.forward(x, t=t)
        p, q = coefficients_at(self.net.schedule.ratio(t), "eps", self.kind)
        return p[:, None] * x + q[:, None] * eps, cache


def curve(reverse: Any, x: Any, pieces: int = 20) -> Iterator[Any]:
    """States of the probability-flow ODE on the path of DIF-11, from t = T to t = 1."""
    times = ode.grid(reverse.schedule, 20 * pieces)[::-1]
    for part in np.array_split(np.arange(len(times) - 1), pieces):
        yield x
        x = ode.runge_kutta(
            lambda t, z: ode.velocity(reverse, z, t, None, False)[0], x,
            times[part[0] : part[-1] + 2],
        )  # fmt: skip
    yield x


def line(reverse: Any, x: Any, pieces: int = 20) -> Iterator[Any]:
    """States y = (1 - s) x_0 + s eps of the same ODE on the straight path."""
    log_r = reverse.schedule.log_ratios
    r = np.exp(np.linspace(log_r[-1], log_r[1], 10 * pieces))
    predict = solvers.predictor(reverse)

    def rate(s: float, y: Any) -> Any:
        r = s / (1 - s)
        return predict(y * solvers.scale(r), r, "velocity")

    y = x / solvers.scale(r[0])
    for part in np.array_split(np.arange(len(r) - 1), pieces):
        yield y
        y = ode.runge_kutta(rate, y, (r / (1 + r))[part[0] : part[-1] + 2])
    yield y


def measured_orders(draw: Callable[..., None], minutes: float) -> None:
    """The error of each solver on the exact flow of a mixture, and its slope."""
    fine = cosine_schedule(6400)
    ideal = IdealNoise.init(fine, MEANS, 0.3)
    model = DDPM(ReverseProcess(ideal, fine, 2, "eps", "beta", 0.01))

    def end(solver: str, steps: int) -> Any:
        """x at t = 1, before the last prediction of x_0; the same start each time."""
        start = np.random.default_rng(1)
        return [x for _, x in model.states(20, rng=start, sampler=solver, steps=steps)][-2]

    reference = end("dpm++3m", 6400)
    steps = np.array([25, 50, 100, 200, 400, 800, 1600])
    lines: Lines = {}
    for solver, order in {"euler": 1, "heun": 2, "dpm++2m": 2, "dpm++3m": 3}.items():
        errors = [float(np.sqrt(np.mean((end(solver, n) - reference) ** 2))) for n in steps]
        slope = -np.polyfit(np.log(steps[-3:]), np.log(errors[-3:]), 1)[0]
        lines[f"{solver}, order {slope:.2f}"] = steps, errors
        row(f"order of {solver}", f"{order} +- 0.1", f"{slope:.2f}")
    draw("orders", lines, log="xy", xlabel="steps", ylabel="error of x",
         title="The order of a solver is the slope")  # fmt: skip


def measured_clock(draw: Callable[..., None], minutes: float) -> None:
    """The bound in continuous time under an even clock and a learned one, on moons and digits."""
    schedule = cosine_schedule(100)
    rng = np.random.default_rng(0)
    ideal = IdealNoise.init(schedule, MEANS, 0.3)
    mixture = DDPM(ReverseProcess(ideal, schedule, 2, "eps", "beta", 0.01))
    moons, digits = mg.data.toy("moons"), mg.data.digits()
    plane = mg.diffusion.ddpm(2, schedule, hidden=64, blocks=2, rng=rng)
    mg.fit(plane.loss, moons, steps=1500, lr=3e-3, rng=rng, progress=False)
    pixels = mg.diffusion.ddpm(64, schedule, hidden=192, blocks=2, levels=17, rng=rng)
    mg.fit(pixels.loss, digits.train.x, steps=1500, batch=128, lr=3e-3, rng=rng, progress=False)
    cases = {
        "the exact network": (mixture, ideal.sample(20_000, rng=rng)),
        "a model of moons": (plane, moons.sample(20_000, rng=rng)),
        "a model of digits": (pixels, digits.train.x),
    }
    lines: Lines = {}
    for name, (model, data) in cases.items():
        even, learned = Clock.init(schedule), Clock.init(schedule)
        mg.fit(ClockLoss(learned, model), data, steps=300, lr=0.05, batch=1024, rng=rng,
               progress=False)  # fmt: skip
        found = []
        for clock in (even, learned):
            bound = IntegralBound(model, clock)
            (x,), given = bound.draw(data, rng)
            found.append(bound.estimates(x, **given).astype(np.float64))
        a, b = found
        error = np.hypot(a.std(), b.std()) / np.sqrt(len(a))
        row(f"learned clock, {name}", "bound unchanged, variance / 2 or less",
            f"bound {a.mean():.2f} to {b.mean():.2f} +- {error:.2f}, variance {a.var():.0f} to "
            f"{b.var():.0f}: / {a.var() / b.var():.1f}")  # fmt: skip
        u = np.linspace(learned.begin, learned.end, len(learned.a))
        lines[name] = u, learned.shares
    lines["even"] = u, even.shares
    draw("clock", lines, dashed=["even"], xlabel="log of noise over signal",
         ylabel="share of the time", title="Where the clock is slow")  # fmt: skip


def measured_transformer(draw: Callable[..., None], minutes: float) -> None:
    """A Transformer MAF beside splines on 16 x 16 glyphs, each for as many CPU seconds."""
    seconds, levels = 60 * minutes, 16
    glyphs = mg.data.glyphs(16, levels=levels)
    test = glyphs.sample(1000, rng=np.random.default_rng(99))
    new = glyphs.sample(500, rng=np.random.default_rng(98))
    first = glyphs.sample(4000, rng=np.random.default_rng(97))
    common: dict[str, Any] = {"levels": levels, "init_from": first}
    before = (mg.flows.Logit(bins=float(levels), low=0.01),)
    makers: dict[str, Callable[[np.random.Generator], Any]] = {
        "Transformer MAF": lambda rng: mg.flows.transformer_maf(
            (16, 16, 1), 4, 64, patch=2, before=before, rng=rng, **common),
        "splines": lambda rng: neural_spline(256, 5, (256, 256), before=before, rng=rng, **common),
        "multi-scale Real NVP": lambda rng: mg.flows.real_nvp_image(
            (16, 16, 1), 3, 2, 16, before=before, rng=rng, **common),
    }  # fmt: skip
    flows: dict[str, Any] = {}
    for name, make in makers.items():
        rng = np.random.default_rng(0)
        options: dict[str, Any] = {
            "batch": 64, "lr": 1e-3, "clip": 5.0, "ema": 0.99, "progress": False, "rng": rng,
        }  # fmt: skip
        trial = make(rng)
        mg.fit(trial.nll, glyphs, steps=3, validation=new[:8], **options)
        start = time.process_time()
        mg.fit(trial.nll, glyphs, steps=10, validation=new[:8], **options)
        steps = max(20, int(seconds / ((time.process_time() - start) / 10)))
        flows[name] = make(rng)
        start = time.process_time()
        mg.fit(flows[name].nll, glyphs, steps=steps, validation=new, validate_every=steps // 5,
               **options)  # fmt: skip
        spent = time.process_time() - start
        bits = flows[name].bits_per_dim(test, rng=rng)
        row(f"16 x 16 glyphs, {name}", "bits/dim at equal CPU seconds",
            f"{bits.mean():.3f} +- {bits.std() / len(bits) ** 0.5:.3f} ({steps} steps, "
            f"{spent:.0f} s)")  # fmt: skip
        draw(f"glyphs_{name.split()[0].lower()}", mg.plot.images(
            flows[name].sample(64, rng=rng), top=15, heading=f"{name}, {steps} steps"))  # fmt: skip
    flow, rng = flows["Transformer MAF"], np.random.default_rng(0)
    some = np.asarray(mg.prob.dequantize(test[:256].astype(np.float64), rng))
    cost = ratio(lambda: flow.sample(256, rng=rng), lambda: flow.log_prob(some), 5)
    row("Transformer MAF, sampling / its density pass, 16 x 16", "<= 1.5", f"{cost:.2f}")


SECTIONS = {
    "jacobi": measured_jacobi, "student": measured_student, "sigma": measured_sigma,
    "sigma-digits": measured_sigma_digits, "sigma-network": measured_sigma_network,
    "predictions": measured_predictions, "orders": measured_orders, "clock": measured_clock,
    "transformer": measured_transformer,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", choices=[*SECTIONS, []])
    parser.add_argument("--pictures", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--minutes", type=float, default=2, help="of training, for transformer")
    args = parser.parse_args()

    def draw(name: str, what: Any, **options: Any) -> None:
        """Write a figure, or lines as one, to the folder."""
        if args.pictures is not None:
            figure = mg.plot.lines(what, **options) if isinstance(what, dict) else what
            args.pictures.mkdir(exist_ok=True)
            figure.savefig(args.pictures / f"{name}.png", dpi=100)

    print("| figure | goal | measured |\n|---|---|---|", flush=True)
    for name in args.sections or SECTIONS:
        SECTIONS[name](draw, args.minutes)


if __name__ == "__main__":
    main()
